"""Answers before the index has a post, without Chroma and without the embedder: less, never an error."""

from dataclasses import replace

import pytest

from tests.corpus import a_channel, a_reader, a_tenant
from tg_assistant.core.answers import answers
from tg_assistant.core.answers.answers import Done
from tg_assistant.core.retrieval import hybrid, indexing
from tg_assistant.errors import Unavailable
from tg_assistant.infra.vectors import Vectors

OLD = ["Книжный клуб встречается в четверг. Вход свободный.", "В зоопарке родился белый медвежонок."]
NEW = "Паром стоит из-за тумана. Билет на паром подорожал: теперь он стоит 75 ₽."
PRICE = "Сколько стоит билет на паром?"


class Broken:
    """An embedder that cannot be reached."""

    model = "broken"

    async def embed_query(self, text, *, background=False):
        """Fails as a remote one does."""
        raise Unavailable("embeddings.unavailable")

    embed_passages = embed_words = embed_query


@pytest.fixture(scope="module")
async def reader(rt):
    tenant = await a_tenant(rt)
    old = await a_channel(rt, tenant, OLD, number=41)
    await indexing.index_dirty(rt, tenant.id)
    new = await a_channel(rt, tenant, [NEW], number=42)
    return await a_reader(rt, tenant, 62_001, [old.id, new.id])


async def asked(rt, reader, question: str) -> Done:
    *_, done = [event async for event in answers.ask(rt, reader, question)]
    assert isinstance(done, Done)
    return done


async def test_a_post_is_quoted_before_it_is_indexed(rt, reader):
    """Full text finds it; its vector is computed while the question waits."""
    (best, *_) = (await hybrid.search(rt, reader, PRICE)).passages
    assert best.text == NEW
    assert best.cosine is not None
    done = await asked(rt, reader, PRICE)
    assert "75 ₽" in done.answer
    assert done.degraded == []


async def test_a_post_is_quoted_without_chroma_before_it_is_indexed(rt, reader):
    """Both at once: full text and the embedder are left."""
    away = replace(rt, vectors=Vectors("http://127.0.0.1:9"))
    done = await asked(away, reader, PRICE)
    await away.vectors.close()
    assert "75 ₽" in done.answer
    assert done.degraded == ["meaning"]


async def test_without_the_embedder_the_questions_own_words_are_answered(rt, reader):
    """A sentence that says them is quoted; a paraphrase is abstained from, and both say what is missing."""
    broken = replace(rt, embedder=Broken())
    done = await asked(broken, reader, PRICE)
    assert "75 ₽" in done.answer
    assert done.degraded == ["meaning"]
    for question in ("Почём переправа через реку?", "Сколько стоит билет в зоопарк?", "Кто выиграл матч?"):
        done = await asked(broken, reader, question)
        assert done.abstained, question
        assert done.degraded == ["meaning"]
