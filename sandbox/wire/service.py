"""MTProto's own messages: pings, acks, salts, sessions. Everything else is an RPC."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telethon.tl import functions
from telethon.tl.tlobject import TLObject

from sandbox.tl import types

if TYPE_CHECKING:
    from sandbox.wire.connection import Connection


def _pong(connection: Connection, msg_id: int, request: Any) -> list[TLObject]:
    return [types.Pong(msg_id, request.ping_id)]


def _pong_and_end(connection: Connection, msg_id: int, request: Any) -> list[TLObject]:
    connection.end_after(request.disconnect_delay)
    return _pong(connection, msg_id, request)


def _silence(connection: Connection, msg_id: int, request: Any) -> list[TLObject]:
    return []


def _salts(connection: Connection, msg_id: int, request: Any) -> list[TLObject]:
    now = int(time.time())
    assert connection.key is not None
    salt = types.FutureSalt(
        datetime.fromtimestamp(now - 1, UTC), datetime.fromtimestamp(now + 86400, UTC), connection.key.salt
    )
    return [types.FutureSalts(msg_id, now, [salt])]


def _destroyed(connection: Connection, msg_id: int, request: Any) -> list[TLObject]:
    return [types.DestroySessionOk(request.session_id)]


def _state(connection: Connection, msg_id: int, request: Any) -> list[TLObject]:
    # 4: received and processed; answers that were lost are asked for again by the request itself.
    return [types.MsgsStateInfo(msg_id, bytes([4] * len(request.msg_ids)))]


Service = Callable[["Connection", int, Any], list[TLObject]]

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


def answer_service(connection: Connection, msg_id: int, request: Any) -> list[TLObject] | None:
    """The answers to a service message, or None when request is an RPC."""
    service = _SERVICES.get(type(request))
    return service(connection, msg_id, request) if service else None
