"""Objects that live as long as the process: opened once in a main, passed down, closed in reverse order."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tg_assistant.infra.clock import SYSTEM, Clock
from tg_assistant.infra.embeddings import Embedder, LocalEmbedder, OpenAIEmbedder, SharedEmbedder
from tg_assistant.infra.fair_queue import FairQueue
from tg_assistant.infra.limits import RateLimits
from tg_assistant.infra.llm import Llm, open_llm
from tg_assistant.infra.postgres.db import Database
from tg_assistant.infra.postgres.events import Events
from tg_assistant.infra.pulse import Pulse
from tg_assistant.infra.text_work import TextWork
from tg_assistant.infra.vectors import Vectors
from tg_assistant.settings.groups import RetrievalSettings, Settings


@dataclass(frozen=True)
class Runtime:
    settings: Settings
    db: Database
    events: Events
    embedder: Embedder
    vectors: Vectors
    llm: Llm | None
    clock: Clock
    limits: RateLimits
    texts: TextWork
    pulse: Pulse
    turns: FairQueue  # for the costly part of questions and searches


@asynccontextmanager
async def open_runtime(settings: Settings, *, clock: Clock = SYSTEM) -> AsyncGenerator[Runtime]:
    """Open the runtime. Connections are made lazily, so this succeeds while PostgreSQL or Chroma is down."""
    retrieval = settings.retrieval
    async with AsyncExitStack() as stack:
        url = settings.database.url.get_secret_value()
        db = Database(url, pool_size=settings.database.pool_size, clock=clock)
        stack.push_async_callback(db.close)
        events = Events(db.url)
        await events.open()
        stack.push_async_callback(events.close)
        embedder = open_embedder(retrieval)
        stack.push_async_callback(embedder.close)
        vectors = Vectors(retrieval.chroma_url)
        stack.push_async_callback(vectors.close)
        llm = open_llm(retrieval)
        if llm is not None:
            stack.push_async_callback(llm.close)
        redis = settings.web.redis_url
        rates = settings.security.rates()
        limits = RateLimits(rates, redis.get_secret_value() if redis else None)
        stack.push_async_callback(limits.close)
        texts = TextWork()
        stack.callback(texts.close)
        yield Runtime(
            settings=settings,
            db=db,
            events=events,
            embedder=embedder,
            vectors=vectors,
            llm=llm,
            clock=clock,
            limits=limits,
            texts=texts,
            pulse=Pulse(texts),
            turns=FairQueue(),
        )


def open_embedder(retrieval: RetrievalSettings) -> Embedder:
    """Return the embedder of the configured endpoint or of the embedder process, else the local model."""
    if retrieval.embedding_base_url:
        key = retrieval.embedding_api_key
        return OpenAIEmbedder(
            base_url=retrieval.embedding_base_url,
            api_key=key.get_secret_value() if key else "none",
            model=retrieval.embedding_model or "text-embedding-3-small",
            dimension=retrieval.embedding_dimension,
        )
    if retrieval.embedder_url:
        key = retrieval.embedder_key
        return SharedEmbedder(retrieval.embedder_url, key.get_secret_value() if key else None)
    return LocalEmbedder(retrieval.embedding_cache_dir)
