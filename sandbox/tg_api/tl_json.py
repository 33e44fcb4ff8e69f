"""TL objects as JSON values and back, so that a post can hold whatever Telegram's schema can show."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from functools import cache
from typing import Any

from telethon.tl.tlobject import TLObject

from sandbox.tl import types


def to_json(value: Any) -> Any:
    """A TL object, or a list or a dict of them, as JSON values."""
    if isinstance(value, TLObject):
        return {name: to_json(each) for name, each in value.to_dict().items()}
    if isinstance(value, dict):
        return {name: to_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if isinstance(value, datetime):
        return int(value.timestamp())
    return {"_": "bytes", "hex": value.hex()} if isinstance(value, bytes) else value


def from_json(value: Any) -> Any:
    """What `to_json` made, as TL objects again."""
    if isinstance(value, list):
        return [from_json(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value["_"] == "bytes":
        return bytes.fromhex(value["hex"])
    made = getattr(types, value["_"])
    times = _times(made)
    return made(
        **{
            name: datetime.fromtimestamp(each, UTC) if name in times and each is not None else from_json(each)
            for name, each in value.items()
            if name != "_"
        }
    )


@cache
def _times(made: Any) -> frozenset[str]:
    parameters = inspect.signature(made.__init__).parameters.values()
    return frozenset(each.name for each in parameters if "datetime" in str(each.annotation))
