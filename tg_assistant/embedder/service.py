"""The embedder's address: OpenAI's embeddings call over the local model, questions before posts.

Reached by our own processes only, over loopback or the composition's network, with a shared key.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

import numpy as np
import structlog
from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from tg_assistant.infra.embeddings import LocalEmbedder
from tg_assistant.infra.embeddings.local import PASSAGE, QUERY
from tg_assistant.infra.embeddings.shared import BATCH, FIRST, LARGEST, packed

log = structlog.get_logger()
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Texts waiting at once, of each kind: some seconds of work. Beyond that callers are told to come again.
ROOM = {True: 8 * BATCH, False: 16 * BATCH}  # by whether it is background work
STOP_SECONDS = 2.0  # for requests that are being answered; the demo gives the process three
_READ_SECONDS = 10.0  # for a request's body


class Asked(BaseModel):
    """A request: each input begins with the prefix that says what it is for."""

    model: str
    input: list[str] = Field(min_length=1, max_length=BATCH)
    encoding_format: Literal["float", "base64"] = "float"
    priority: int = FIRST  # above 0: nobody waits for it

    def pairs(self) -> list[tuple[str, str]]:
        """Return (prefix, text) of each input. Raises ValueError without a prefix."""
        found = [
            (prefix, text.removeprefix(prefix))
            for text in self.input
            for prefix in (QUERY, PASSAGE)
            if text.startswith(prefix)
        ]
        if len(found) < len(self.input):
            raise ValueError(f"each input begins with {QUERY!r} or {PASSAGE!r}")
        return found


class Service:
    """The handlers, and how many texts are waiting."""

    def __init__(self, embedder: LocalEmbedder, key: str | None) -> None:
        self._embedder = embedder
        self._key = key
        self._waiting = {True: 0, False: 0}

    def application(self) -> web.Application:
        """Return the application; bodies are bounded, refusals are OpenAI's error objects."""
        app = web.Application(client_max_size=LARGEST, middlewares=[self._guarded])
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/embeddings", self._embeddings)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Answer) -> web.StreamResponse:
        """Ask for the key on all paths but `/health`, which says nothing of anybody."""
        if request.path != "/health" and not self._knows(request.headers.get("Authorization", "")):
            return _refused(401, "invalid_api_key", "EMBEDDER_KEY is missing or another one")
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            return _refused(413, "too_large", f"a request has at most {LARGEST} bytes")
        except TimeoutError:
            return _refused(408, "too_slow", f"a request arrives within {_READ_SECONDS:.0f} s")
        except web.HTTPException:
            raise
        except Exception as error:  # aiohttp would log it with values of the request
            log.error("embedder.failed", exc_info=error)
            return _refused(500, "failed", "see the log of the embedder")

    def _knows(self, said: str) -> bool:
        return self._key is None or hmac.compare_digest(said.encode(), f"Bearer {self._key}".encode())

    async def _health(self, request: web.Request) -> web.Response:
        model = await self._embedder.answers()
        said = {"status": "ok" if model else "failing", "checks": {"model": model}}
        return web.json_response(said, status=200 if model else 503)

    async def _models(self, request: web.Request) -> web.Response:
        model = {"id": self._embedder.model, "object": "model", "created": 0, "owned_by": "local"}
        return web.json_response({"object": "list", "data": [model]})

    async def _embeddings(self, request: web.Request) -> web.Response:
        async with asyncio.timeout(_READ_SECONDS):
            body = await request.read()
        try:
            asked = Asked.model_validate_json(body)
            pairs = asked.pairs()
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            return _refused(422, "invalid_request", f"{where}: {error.errors()[0]['msg']}")
        except ValueError as error:
            return _refused(422, "no_prefix", str(error))
        if asked.model != self._embedder.model:
            return _refused(404, "model_not_found", f"this is {self._embedder.model}")
        background = asked.priority > FIRST
        with self._room(len(pairs), background) as room:
            if not room:
                return _refused(503, "busy", "too many texts are waiting")
            # a caller that goes away cancels this, and with it its texts that have not begun
            vectors = await self._embedder.embed(pairs, background=background)
        return web.json_response(_answer(asked, vectors))

    @contextmanager
    def _room(self, texts: int, background: bool) -> Generator[bool]:
        """Yield whether there is room for so many more texts, which then count while the block runs."""
        if self._waiting[background] + texts > ROOM[background]:
            yield False
            return
        self._waiting[background] += texts
        try:
            yield True
        finally:
            self._waiting[background] -= texts


@asynccontextmanager
async def serving(service: Service, host: str, port: int) -> AsyncGenerator[None]:
    """Serve while the block runs; then requests being answered have STOP_SECONDS to end."""
    silent = logging.getLogger("embedder.requests")
    silent.disabled = True  # a malformed request is answered; a line of the log would quote it
    runner = web.AppRunner(
        service.application(),
        access_log=None,
        logger=silent,
        handler_cancellation=True,
        auto_decompress=False,
        lingering_time=1.0,
        shutdown_timeout=STOP_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


def _answer(asked: Asked, vectors: np.ndarray) -> dict[str, Any]:
    as_base64 = asked.encoding_format == "base64"
    data = [
        {"object": "embedding", "index": n, "embedding": packed(row) if as_base64 else row.tolist()}
        for n, row in enumerate(vectors)
    ]
    return {
        "object": "list",
        "data": data,
        "model": asked.model,
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }


def _refused(status: int, code: str, message: str) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    headers = {"Retry-After": "1"} if status == 503 else {}
    return web.json_response({"error": error}, status=status, headers=headers)
