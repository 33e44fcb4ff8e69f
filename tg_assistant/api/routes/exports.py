"""Posts to take along: all of a channel, or what a search finds, as a JSON or CSV file."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from tg_assistant.api import limits
from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.problems import may
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.exports import files
from tg_assistant.core.exports.files import Form
from tg_assistant.core.retrieval.search import Mode
from tg_assistant.errors import AssistantError

log = structlog.get_logger()
router = APIRouter(prefix="/api", tags=["exports"])
_MEDIA = {Form.json: "application/json", Form.csv: "text/csv; charset=utf-8"}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, "text/csv": {}}, "description": "the file, streamed"},
    **may(429, s429="Too many downloads an hour, or searches a minute"),
}
AskedForm = Annotated[
    Form, Query(alias="format", description="CSV: cells that look like formulas begin with '")
]


class FoundIn(BaseModel):
    """What to look for, as in `GET /api/search`."""

    q: str = Field(description="at most 500 characters", examples=["night ferry"])
    mode: Mode = "hybrid"
    channel_ids: list[UUID] | None = Field(default=None, max_length=200)
    since: datetime | None = Field(default=None, alias="from", description="UTC unless it says otherwise")
    until: datetime | None = Field(default=None, alias="to", description="this moment no longer counts")
    form: Form = Field(default=Form.json, alias="format")


@router.get(
    "/channels/{channel_id}/export",
    response_class=StreamingResponse,
    responses=_FILE,
    dependencies=[limits.by_user(Rule.export)],
)
async def export_channel(
    call: Call, rt: Rt, channel_id: UUID, form: AskedForm = Form.json
) -> StreamingResponse:
    """All posts of a channel, newest first. It breaks off, and is no whole file, once it may not be read."""
    pieces = files.of_channel(rt, await call.actor(), channel_id, form=form)
    return await _attached(pieces, form, "channel")


@router.get(
    "/search/export",
    response_class=StreamingResponse,
    responses=_FILE,
    dependencies=[limits.by_user(Rule.export)],
)
async def export_search(call: Call, rt: Rt, asked: Annotated[FoundIn, Query()]) -> StreamingResponse:
    """What a search finds, in its order, at most 1,000 posts."""
    wanted = asked.model_dump(exclude={"q"})
    return await _attached(files.of_search(rt, await call.actor(), asked.q, **wanted), asked.form, "search")


async def _attached(pieces: AsyncIterator[bytes], form: Form, name: str) -> StreamingResponse:
    """The file as an attachment; what is refused at first is refused with its status."""
    first = await anext(pieces)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form.value}"'}
    return StreamingResponse(_rest(first, pieces), media_type=_MEDIA[form], headers=headers)


async def _rest(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    try:
        async for piece in pieces:
            yield piece
    except AssistantError as lost:  # the answer has begun: its status cannot change
        log.info("export.ended", code=lost.code)
        yield f"\r\n#! {lost.code}: this file is not whole\r\n".encode()
