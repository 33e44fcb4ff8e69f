"""The posts an answer is based on, as shown beside it and as stored with it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tg_assistant.core.posts.formatting import unjoined
from tg_assistant.core.retrieval.passages import Passage, Place

QUOTE = 300  # characters


@dataclass(frozen=True)
class Source:
    """A post that an answer is based on; the text cites it as `[n]`."""

    n: int
    post_id: UUID
    channel_id: UUID
    channel_title: str
    posted_at: datetime
    url: str
    quote: str
    score: float


def made(n: int, passage: Passage, place: Place, quote: str) -> Source:
    shown = " ".join(unjoined(quote).split())
    shown = shown if len(shown) <= QUOTE else shown[: QUOTE - 1].rsplit(" ", 1)[0] + "…"
    score = round(passage.score, 4)
    return Source(
        n, place.post_id, place.channel_id, place.channel_title, place.posted_at, place.url, shown, score
    )


def stored(sources: Sequence[Source]) -> list[dict[str, object]]:
    return [
        {
            **asdict(source),
            "post_id": str(source.post_id),
            "channel_id": str(source.channel_id),
            "posted_at": source.posted_at.isoformat(),
        }
        for source in sources
    ]


def restored(row: dict[str, Any]) -> Source:
    typed: dict[str, Any] = {
        "post_id": UUID(row["post_id"]),
        "channel_id": UUID(row["channel_id"]),
        "posted_at": datetime.fromisoformat(row["posted_at"]),
    }
    return Source(**{**row, **typed})
