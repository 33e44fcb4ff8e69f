"""The memory of word vectors, shared by all answers of a process."""

import asyncio

import numpy as np

from tg_assistant.infra.embeddings import words
from tg_assistant.infra.embeddings.words import WordMemory


async def test_a_full_memory_takes_nothing_from_whoever_waits(monkeypatch) -> None:
    """While one call embeds its new words another one drops all that were stored: both get their rows."""
    monkeypatch.setattr(words, "CAPACITY", 3)
    memory, go_on = WordMemory(), asyncio.Event()

    async def embed(new: list[str]) -> np.ndarray:
        if "slow" in new:
            await go_on.wait()
        return np.array([[len(word), 1.0] for word in new], np.float32)

    await memory.rows(["bridge"], embed)
    waiting = asyncio.create_task(memory.rows(["bridge", "slow"], embed))
    await asyncio.sleep(0)
    await memory.rows(["a", "ab", "abc"], embed)  # more than fit: "bridge" is dropped
    go_on.set()
    assert (await waiting).tolist() == [[6, 1], [4, 1]]
