"""The one form of a search's restrictions: channels, a span of time, and days that posts mention."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import ColumnElement, Date, and_, cast, or_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from tg_assistant.models import Post


class Wanted(TypedDict, total=False):
    """What a caller asks for; `until` is excluded, `limit` is in posts. Fields as in `Scope`."""

    channel_ids: Sequence[UUID] | None
    since: datetime | None
    until: datetime | None
    days: Sequence[date]
    limit: int


# The same restriction as `Scope.conditions` for textual SQL over `searchable_posts`, with `Scope.parameters`.
WITHIN_SCOPE = """
    channel_id = ANY(:channels) AND deleted_at IS NULL AND (
        dates && CAST(:days AS date[]) OR (
            (CAST(:days AS date[]) IS NULL OR CAST(:since AS timestamptz) IS NOT NULL
             OR CAST(:until AS timestamptz) IS NOT NULL)
            AND (CAST(:since AS timestamptz) IS NULL OR posted_at >= :since)
            AND (CAST(:until AS timestamptz) IS NULL OR posted_at < :until)
        )
    )
"""


@dataclass(frozen=True)
class Scope:
    """Readable channels, and posts of a span (`until` excluded) or that mention one of `days`.

    With days and no span only posts that mention one of them are within; without either all are.
    """

    channel_ids: Sequence[UUID]
    since: datetime | None = None
    until: datetime | None = None
    days: Sequence[date] = ()

    @property
    def has_time(self) -> bool:
        """Whether time restricts it at all."""
        return bool(self.since or self.until or self.days)

    @property
    def parameters(self) -> dict[str, Any]:
        """The bind parameters of `WITHIN_SCOPE`."""
        days = list(self.days) or None
        return {"channels": list(self.channel_ids), "since": self.since, "until": self.until, "days": days}

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on `Post`; posts deleted since are outside."""
        inside = [col(Post.channel_id).in_(self.channel_ids), col(Post.deleted_at).is_(None)]
        span: list[ColumnElement[bool]] = []
        if self.since is not None:
            span.append(col(Post.posted_at) >= self.since)
        if self.until is not None:
            span.append(col(Post.posted_at) < self.until)
        if not self.days:
            return [*inside, *span]
        mentions = col(Post.dates).op("&&")(cast(list(self.days), ARRAY(Date)))
        return [*inside, or_(mentions, and_(*span)) if span else mentions]


def scope(readable: Sequence[UUID], wanted: Wanted) -> Scope:
    """Return the scope of what is wanted among the channels the person may read now."""
    return Scope(readable, wanted.get("since"), wanted.get("until"), wanted.get("days") or ())
