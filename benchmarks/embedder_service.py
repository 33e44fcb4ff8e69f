"""What a question waits for the embedder process while a backfill keeps it busy, and what the process costs.

python benchmarks/embedder_service.py [questions] reads EVAL_DATA_DIR (default ../shared/data).
"""

import asyncio
import json
import os
import secrets
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.embedder import DATA, posts
from tg_assistant.demo.ports import free_port
from tg_assistant.infra.embeddings import LocalEmbedder, SharedEmbedder
from tg_assistant.infra.embeddings.shared import BATCH

CACHE = Path(os.environ.get("EMBEDDING_CACHE_DIR", ".data/models"))
BACKFILLS = 3  # ingest processes that send batch after batch
QUESTIONS = (
    "Сколько стоит билет на паром?",
    "Когда закроют мост через Волгу?",
    "What did the central bank decide about the key rate on Friday?",
    "Какие документы нужны, чтобы записать ребёнка в первый класс, и до какого числа их принимают?",
)


async def asked(embedder: SharedEmbedder | LocalEmbedder, count: int) -> dict[str, float]:
    """Milliseconds of questions asked one after another."""
    times: list[float] = []
    for n in range(count):
        began = time.perf_counter()
        await embedder.embed_query(f"{QUESTIONS[n % len(QUESTIONS)]} {n}")
        times.append(1_000 * (time.perf_counter() - began))
        await asyncio.sleep(0.02)
    return {
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(float(np.quantile(times, 0.95)), 1),
        "max_ms": round(max(times), 1),
    }


async def busy(
    embedder: SharedEmbedder | LocalEmbedder, texts: list[str], count: int
) -> tuple[dict[str, float], float]:
    """Questions during BACKFILLS endless backfills; and the posts a second of these with nobody asking."""
    done = 0

    async def backfill() -> None:
        nonlocal done
        for start in range(0, 10**9, BATCH):
            part = [texts[n % len(texts)] for n in range(start, start + BATCH)]
            await embedder.embed_passages(part, background=True)
            done += BATCH

    running = [asyncio.create_task(backfill()) for _ in range(BACKFILLS)]
    await asyncio.sleep(1)
    times = await asked(embedder, count)
    before, began = done, time.perf_counter()
    await asyncio.sleep(15)
    rate = (done - before) / (time.perf_counter() - began)
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return times, round(rate, 1)


async def measure(count: int) -> dict[str, object]:
    """The model in this process, then the service: idle and busy."""
    texts = posts(400)
    here = LocalEmbedder(CACHE)
    await here.loaded()
    own, own_rate = await busy(here, texts, count)
    own_idle = await asked(here, count)
    await here.close()
    port, key = free_port(), secrets.token_hex(32)
    surroundings = os.environ | {"EMBEDDER_PORT": str(port), "EMBEDDER_KEY": key, "ENV_FILE": os.devnull}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tg_assistant.embedder"), env=surroundings, stdout=asyncio.subprocess.DEVNULL
    )
    embedder = SharedEmbedder(f"http://127.0.0.1:{port}", key)
    began = time.perf_counter()
    try:
        while not await embedder.answers():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
        ready = round(time.perf_counter() - began, 2)
        idle = await asked(embedder, count)
        times, rate = await busy(embedder, texts, count)
        status = await asyncio.to_thread(Path(f"/proc/{process.pid}/status").read_text)
    finally:
        await embedder.close()
        process.terminate()
        await process.wait()
    return {
        "in_process": {"idle": own_idle, "busy": own, "posts_s": own_rate},
        "service": {"idle": idle, "busy": times, "posts_s": rate, "ready_s": ready},
        "service_rss_mb": int(status.partition("VmRSS:")[2].split()[0]) // 1024,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


if __name__ == "__main__":
    if not DATA.exists():
        sys.exit(f"{DATA} is missing: set EVAL_DATA_DIR")
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 200)), indent=2))
