"""Checks on Reflex's sockets: the events they may send, and no state stored without a sign-in.

By itself Reflex lets any socket call any handler of any page with any arguments, and stores its state for an
hour.
"""

import asyncio
from functools import cache
from typing import Any

import reflex as rx
from reflex.app import EventNamespace
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.redis import StateManagerRedis
from reflex.istate.manager.token import BaseStateToken
from reflex.middleware.middleware import Middleware
from reflex.state import State, StateUpdate
from reflex_base.constants import RouteVar
from reflex_base.constants.state import FIELD_MARKER
from reflex_base.event import Event
from reflex_base.event.context import EventContext
from reflex_base.registry import RegisteredEventHandler, RegistrationContext

from tg_assistant.sockets import connection_limits, payloads
from tg_assistant.sockets.flood_guard import Frames
from tg_assistant.sockets.token_bucket import Pace
from tg_assistant.state import SessionState

_FORGET_SECONDS = 2.0  # events still queued when a socket closes have run by then
_MAX_REPORT = 1_500  # characters
_REPORTS = 5  # browser errors per person and minute; 20 a minute from all people
_EVENTS = {
    "connect": 3,
    "disconnect": 2,
    "event": 2,
    "client_error": 2,
    "ping": 1,
}  # and the number of arguments of each
_BROWSER_ERROR = "FrontendEventExceptionState.handle_frontend_exception"
# handlers for sign-in and its failure; all others of ours need a signed-in person on the socket
_OPEN = {
    *("SessionState.page_opened", "SessionState.present", "SessionState.refused", "SessionState.fail"),
    "LandingState.load",
}
# handlers that only the server chains; no page sends them
_INTERNAL = {
    *("SessionState.fail", "SessionState.loaded", "SessionState.look_again", "SessionState.watch"),
}


class Sockets(EventNamespace):
    """Reflex's namespace with our checks before it."""

    def __init__(self, namespace: str, app: rx.App) -> None:
        super().__init__(namespace, app)
        self._reports, self._all_reports = Pace(_REPORTS, 60), Pace(20, 60)
        self._frames = Frames(app.sio)
        self._forgetting: set[asyncio.Task[None]] = set()

    async def trigger_event(self, event: object, *args: Any) -> Any:
        """Dispatch known events only, without surplus arguments: either would raise in the library."""
        if not isinstance(event, str) or event not in _EVENTS:
            return None
        return await super().trigger_event(event, *args[: _EVENTS[event]])

    async def on_connect(self, sid: str, environ: Any = None, auth: Any = None, *_: Any) -> None:
        """Open the namespace once, for a connection that passed the gate."""
        connection = connection_limits.connection_of(environ)
        if environ is not self._opened_by(sid) or connection is None:
            return  # a client's event that is named "connect"
        await super().on_connect(sid, environ, auth)
        connection.joined()

    async def on_event(self, sid: str, data: Any = None, *_: Any) -> None:
        """Process an event if one of our pages could have sent it; count it as refused otherwise."""
        if sid not in self.sid_to_token:
            return
        event = data if isinstance(data, dict) else {}
        known = _registered(event.get("name"))
        name = _short(known) if known is not None else ""
        where = payloads.place(event.get("router_data", {}))
        payload = event.get("payload", {})
        if known is None or name in _INTERNAL or name.endswith(".setvar"):
            connection_limits.refused.add("handler")
        elif where is None or not payloads.fit(known.handler, payload) or not _is_stored(known, payload):
            connection_limits.refused.add("arguments")
        elif name != _BROWSER_ERROR or self._may_report(sid):
            if name == _BROWSER_ERROR:
                payload = {key: value[:_MAX_REPORT] for key, value in payload.items()}
            await super().on_event(sid, event | {"router_data": where, "payload": payload})

    async def on_client_error(self, sid: str, data: Any = None) -> None:
        """Log a page's report of a state that it does not know, if it may report."""
        if isinstance(data, dict) and self._may_report(sid):
            await super().on_client_error(sid, data)

    def _may_report(self, sid: str) -> bool:
        """Whether to log a browser's error: a signed-in person's, within the rates. Others are counted."""
        connection = connection_limits.connection_of(self._opened_by(sid))
        if connection is None or not connection.person:
            connection_limits.refused.add("browser_error")
            return False
        return self._reports.take(connection.person) and self._all_reports.take("")

    async def emit_update(self, update: StateUpdate, token: str) -> None:
        """Send an update only to the socket whose event caused it; drop it if that socket has closed.

        Reflex would send it to the socket that holds the token by then. The browser chooses its token, so
        holding one proves nothing.
        """
        try:
            asked = EventContext.get().router_data.get(RouteVar.SESSION_ID)
        except LookupError:  # outside any event
            asked = None
        record = self._token_manager.token_to_socket.get(token)
        if asked is None or (record is not None and record.sid == asked):
            await super().emit_update(update, token)

    def on_disconnect(self, sid: str, *_: Any) -> asyncio.Task[None] | None:
        """Close the namespace, and delete the socket's state soon unless a sign-in happened on it."""
        server: Any = self.server
        if server.manager.is_connected(sid, self.namespace):
            return None  # a client's event that is named "disconnect"
        token = self.sid_to_token.get(sid)
        if (connection := connection_limits.connection_of(self._opened_by(sid))) is not None:
            connection.left()
        closing = super().on_disconnect(sid)
        if token is not None:
            task = asyncio.create_task(self._forget(token))
            self._forgetting.add(task)
            task.add_done_callback(self._forgetting.discard)
        return closing

    def signed_in(self, sid: str, person: str) -> None:
        """Count the socket against `person`, no longer against its address."""
        if (connection := connection_limits.connection_of(self._opened_by(sid))) is not None:
            connection.belongs(person)

    def _opened_by(self, sid: str) -> Any:
        """The environ of the request that opened the socket."""
        server: Any = self.server
        return server.get_environ(sid, self.namespace)

    async def _forget(self, token: str) -> None:
        await asyncio.sleep(_FORGET_SECONDS)
        if await self._token_manager.is_token_connected(token):
            return
        manager, key = self.app.state_manager, BaseStateToken(ident=token, cls=SessionState)
        session = await (await manager.get_state(key)).get_state(SessionState)
        if session._kept_known or await self._token_manager.is_token_connected(token):
            return
        if isinstance(manager, StateManagerRedis):
            await manager.redis.delete(*(key._state_key(state) for state in _tree(State)))
        elif isinstance(manager, StateManagerMemory):
            manager._purge_token(key)


class PeopleOnly(Middleware):
    """Drops events that need a sign-in on sockets without one, and sends such a socket one challenge.

    A page that stayed open until its state expired is challenged as well, and so signs in again by itself.
    """

    async def preprocess(self, app: rx.App, state: Any, event: Event) -> StateUpdate | None:
        """Runs before every event, including those that handlers chain. A returned update replaces it."""
        session = await state.get_state(SessionState)
        if session._is_bound():
            if isinstance(app.event_namespace, Sockets):
                app.event_namespace.signed_in(session._sid, session._person)
            return None
        known = _registered(event.name)
        if known is None or not _is_ours(known) or _short(known) in _OPEN:
            return None
        asked = session.challenge.startswith(f"{session.router.session.session_id}:")
        return StateUpdate(events=[] if asked else Event.from_event_type(SessionState.page_opened))


def _registered(name: object) -> RegisteredEventHandler | None:
    return RegistrationContext.get().event_handlers.get(name) if isinstance(name, str) else None


def _is_ours(known: RegisteredEventHandler) -> bool:
    return known.states[0].__module__.startswith("tg_assistant.")


def _is_stored(known: RegisteredEventHandler, payload: dict[str, Any]) -> bool:
    """Whether the event is ours, or names only browser-storage fields of our states as stored values."""
    return _is_ours(known) or (payload.get("vars") or {}).keys() <= _stored_names()


@cache
def _stored_names() -> frozenset[str]:
    return frozenset(
        f"{state.get_full_name()}.{name}{mark}"
        for state in _tree(State)
        for name in state.get_fields()
        if state._is_client_storage(name)
        for mark in ("", FIELD_MARKER)
    )


def _short(known: RegisteredEventHandler) -> str:
    """The handler's name in logs and in the sets above: "State.handler"."""
    return f"{known.states[0].__name__}.{known.handler.fn.__name__}"


def _tree(state: type[Any]) -> list[type[Any]]:
    return [state, *(one for child in state.get_substates() for one in _tree(child))]
