"""Ask questions over the seeded demo and print answers."""
import asyncio, sys, json, os
from datetime import timedelta
import pytest
from tests.seeded import seed
from tg_assistant.core.answers import answers
from tg_assistant.core.retrieval import indexing
from tests import corpus
from datetime import datetime, UTC
corpus.NOW = datetime.now(UTC)
import tests.seeded as ts; ts.NOW = corpus.NOW
from pathlib import Path
QS = [q.strip() for q in Path("/tmp/qs.txt").read_text().splitlines() if q.strip()]
async def test_look(rt):
    s = await seed(rt); await indexing.index_dirty(rt, s.tenant_id)
    import io; out = io.StringIO()
    for q in QS:
        who = "anna"
        if q.startswith("max:"): who, q = "max", q[4:].strip()
        d=[e async for e in answers.ask(rt, s.people[who], q)][-1]
        print(f"## {q}\n   [{'ABST' if d.abstained else d.confidence}] {d.answer}\n   src: "+"; ".join(f"{x.n}:{x.channel_title}/{x.url.rsplit('/',1)[1]} {x.posted_at:%d.%m}" for x in d.sources), file=out, flush=True)
        Path("/tmp/look.txt").write_text(out.getvalue())
