"""TL objects as JSON values and back, so that a post can hold whatever Telegram's schema can show."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from telethon.tl.tlobject import TLObject

from sandbox.tl import types


def to_json(value: Any) -> Any:
    """A TL object, or a list of them, as JSON values; its class is `_`, absent fields are left out."""
    if isinstance(value, TLObject):
        # not `to_dict`, which makes empty lists of absent ones
        fields = {name: to_json(getattr(value, name)) for name in _fields(type(value)) if name != "self"}
        return {
            "_": type(value).__name__,
            **{name: each for name, each in fields.items() if each is not None},
        }
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
    fields = _fields(made)
    given = {name: each for name, each in value.items() if name != "_"}
    return made(**{name: _field(fields[name], each) for name, each in given.items()})


def _field(parameter: inspect.Parameter, value: Any) -> Any:
    is_time = "datetime" in str(parameter.annotation)
    return datetime.fromtimestamp(value, UTC) if is_time else from_json(value)


@cache
def _fields(made: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(made.__init__).parameters
