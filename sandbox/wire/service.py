"""MTProto's service messages: pings, acks, salts, sessions. All other messages are RPCs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from telethon.tl import functions
from telethon.tl.tlobject import TLObject

from sandbox.tl import types
from sandbox.world.model import AuthKey


class Line(Protocol):
    """The part of a connection that service messages use."""

    key: AuthKey | None

    def end_after(self, seconds: float) -> None: ...


def _pong(line: Line, msg_id: int, request: Any) -> list[TLObject]:
    return [types.Pong(msg_id, request.ping_id)]


def _pong_and_end(line: Line, msg_id: int, request: Any) -> list[TLObject]:
    line.end_after(request.disconnect_delay)
    return _pong(line, msg_id, request)


def _silence(line: Line, msg_id: int, request: Any) -> list[TLObject]:
    return []


def _salts(line: Line, msg_id: int, request: Any) -> list[TLObject]:
    now = int(time.time())
    assert line.key is not None
    salt = types.FutureSalt(
        datetime.fromtimestamp(now - 1, UTC), datetime.fromtimestamp(now + 86400, UTC), line.key.salt
    )
    return [types.FutureSalts(msg_id, now, [salt])]


def _destroyed(line: Line, msg_id: int, request: Any) -> list[TLObject]:
    return [types.DestroySessionOk(request.session_id)]


def _state(line: Line, msg_id: int, request: Any) -> list[TLObject]:
    # 4: received; for a lost answer the client repeats the request
    return [types.MsgsStateInfo(msg_id, bytes([4] * len(request.msg_ids)))]


Service = Callable[[Line, int, Any], list[TLObject]]

_SERVICES: dict[type, Service] = {
    functions.PingRequest: _pong,
    functions.PingDelayDisconnectRequest: _pong_and_end,
    functions.GetFutureSaltsRequest: _salts,
    functions.DestroySessionRequest: _destroyed,
    types.MsgsAck: _silence,
    types.MsgsStateReq: _state,
    types.MsgResendReq: _silence,
    types.HttpWait: _silence,
}


def answer_service(line: Line, msg_id: int, request: Any) -> list[TLObject] | None:
    """The answers to a service message, or None if the request is an RPC."""
    service = _SERVICES.get(type(request))
    return service(line, msg_id, request) if service else None
