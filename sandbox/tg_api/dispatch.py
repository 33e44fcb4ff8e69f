"""Calls the handler of an RPC and converts its result or error to an answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from telethon.tl import functions

from sandbox.faults import DROP
from sandbox.tl import types
from sandbox.wire.connection import Connection
from sandbox.world.errors import WorldError
from sandbox.world.model import AuthKey, Person
from sandbox.world.world import World

log = structlog.get_logger()


class RpcFault(Exception):
    """An rpc_error: its code and Telegram's name of the error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Caller:
    """The caller of an RPC: a connection, its key, and the person logged in with it."""

    world: World
    connection: Connection
    key: AuthKey

    @property
    def person(self) -> Person:
        assert self.key.person_id is not None
        return self.world.people.by_id[self.key.person_id]


Handler = Callable[[Caller, Any], Any]
_HANDLERS: dict[type, tuple[Handler, bool]] = {}
_TOLD_AT_MOST = 2
_MAY_FROZEN = {"help.getConfig", "auth.logOut", "account.getPassword", "updates.getState", "users.getUsers"}
# Errors whose code is not the usual 400. Source: https://core.telegram.org/api/errors
_CODES = {"AUTH_KEY_DUPLICATED": 406, "CHANNEL_PRIVATE": 406, "CHAT_ADMIN_REQUIRED": 403}


def rpc(request: type, *, public: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler; `public` ones also answer keys that are not logged in."""

    def register(handler: Handler) -> Handler:
        _HANDLERS[request] = (handler, public)
        return handler

    return register


def method_name(request: object) -> str:
    """The name of a request in Telegram's API, such as messages.getHistory."""
    area = type(request).__module__.rpartition("functions")[2].lstrip(".")
    name = type(request).__name__.removesuffix("Request")
    return f"{area}.{name[:1].lower()}{name[1:]}".lstrip(".")


class Dispatcher:
    """The `api` of a WireServer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._told: Counter[str] = Counter()  # refusals by key, since its session ended

    async def __call__(self, connection: Connection, request: Any) -> bytes:
        """The serialised answer: a result or an rpc_error."""
        assert connection.key is not None
        request = self._unwrap(connection, request)
        method = method_name(request)
        try:
            result = await self._call(Caller(self._world, connection, connection.key), method, request)
        except RpcFault as fault:
            return bytes(types.RpcError(fault.code, fault.message))
        except WorldError as error:
            return bytes(types.RpcError(_CODES.get(error.code, 400), error.code))
        except Exception as error:  # one broken call must not end the server; the client gets Telegram's 500
            log.exception("sandbox.rpc_failed", method=method)
            self._world.violations.record("sandbox_bug", method=method, error=repr(error))
            return bytes(types.RpcError(500, "INTERNAL"))
        return _pack(result)

    async def _call(self, caller: Caller, method: str, request: Any) -> Any:
        faults, who = self._world.faults, caller.key.person_id or caller.key.id
        if pause := faults.pause(method, who):
            await asyncio.sleep(pause)
        failure = faults.check(method, who)
        if failure is DROP:
            caller.connection.close()
        if failure:
            raise RpcFault(failure.code, failure.message)
        handler, public = _HANDLERS.get(type(request), (None, True))
        if handler is None:
            self._world.violations.record("unimplemented", method=method)
            raise RpcFault(400, "INPUT_METHOD_INVALID")
        self._check_key(caller.key, method, public)
        person = self._world.people.by_id.get(caller.key.person_id or 0)
        if person is not None and person.frozen and method not in _MAY_FROZEN:
            self._refused(caller.key, method)
            raise RpcFault(420, "FROZEN_METHOD_INVALID")
        return handler(caller, request)

    def _check_key(self, key: AuthKey, method: str, public: bool) -> None:
        if key.error == "AUTH_KEY_DUPLICATED":
            self._refused(key, method)
            raise RpcFault(406, "AUTH_KEY_DUPLICATED")
        if public or key.person_id is not None:
            return
        if key.pending_id is not None:
            raise RpcFault(401, "SESSION_PASSWORD_NEEDED")
        if key.error is not None:
            self._refused(key, method)
        raise RpcFault(401, key.error or "AUTH_KEY_UNREGISTERED")

    def _refused(self, key: AuthKey, method: str) -> None:
        """Count what is asked of a session that is over: a client may learn that, and be too late once."""
        self._told[key.id] += 1
        if self._told[key.id] > _TOLD_AT_MOST:
            self._world.violations.record("call_after_end", method=method, error=key.error or "FROZEN")

    def _unwrap(self, connection: Connection, request: Any) -> Any:
        while True:
            if isinstance(request, functions.InitConnectionRequest):
                self._meet(connection, request)
            elif isinstance(request, functions.InvokeWithoutUpdatesRequest):
                connection.no_updates = True
            elif not isinstance(request, functions.InvokeWithLayerRequest | functions.InvokeAfterMsgRequest):
                return request
            request = request.query

    def _meet(self, connection: Connection, request: functions.InitConnectionRequest) -> None:
        key = connection.key
        assert key is not None
        key.device, key.system = request.device_model, request.system_version
        key.app, key.api_id = request.app_version, request.api_id
        key.active = self._world.clock.unix()
        self._world.keys.save(key)


def _pack(result: Any) -> bytes:
    if isinstance(result, bool):
        return (0x997275B5 if result else 0xBC799737).to_bytes(4, "little")
    if isinstance(result, list):
        head = (0x1CB5C415).to_bytes(4, "little") + len(result).to_bytes(4, "little")
        return head + b"".join(bytes(each) for each in result)
    return bytes(result)
