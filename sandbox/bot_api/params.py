"""The parameters of a Bot API call, in any of the permitted encodings.

Source: https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.multipart import MultipartReader, MultipartResponseWrapper


class BotError(Exception):
    """An answer with ok=false."""

    def __init__(self, code: int, description: str, retry_after: int = 0) -> None:
        super().__init__(description)
        self.code, self.description, self.retry_after = code, description, retry_after


@dataclass(frozen=True)
class Upload:
    """One file of a multipart body."""

    content: bytes
    name: str
    mime_type: str


@dataclass
class Params:
    """Parameters; values are strings (from forms) or JSON, and the getters accept both.

    The getters raise BotError for a value of the wrong type.
    """

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else str(value)

    def integer(self, name: str, default: int | None = None) -> int | None:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise BotError(400, f"Bad Request: parameter {name} is not an integer") from None

    def json(self, name: str, default: Any = None) -> Any:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise BotError(400, f"Bad Request: can't parse {name} as JSON object") from None

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in ("true", "1")

    def upload(self, name: str) -> Upload | None:
        """The file that a parameter contains, or refers to with attach://; None if there is none."""
        return self.files.get(self.text(name).removeprefix("attach://")) or self.files.get(name)


async def read_params(request: web.Request) -> Params:
    """Read the query string and a JSON, urlencoded or multipart body. Raises BotError."""
    params = Params(dict(request.query))
    if request.content_type == "application/json":
        try:
            params.values.update(await request.json())
        except ValueError:
            raise BotError(400, "Bad Request: can't parse JSON object") from None
    elif request.content_type == "multipart/form-data":
        await read_multipart(await request.multipart(), params)
    elif request.content_type == "application/x-www-form-urlencoded":
        params.values.update(await request.post())
    return params


async def read_multipart(reader: MultipartReader | MultipartResponseWrapper, params: Params) -> None:
    """Add a multipart body's fields and files to `params`."""
    async for part in reader:
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.filename:
            kind = part.headers.get("Content-Type", "application/octet-stream")
            params.files[part.name] = Upload(bytes(await part.read(decode=True)), part.filename, kind)
        else:
            params.values[part.name] = await part.text()
