"""The person signed in on this socket. The only state that other states may read.

The actor is bound to one live socket (`sid`): a Reflex client token is chosen by the browser and proves
nothing. On every (re)connect the server sends the sid as a challenge, the bridge answers with the resume
secret, and the open screen is rebuilt from the database.
"""

from typing import Any, TypedDict
from uuid import UUID

import reflex as rx
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState
from reflex_base.registry import RegistrationContext

from tg_assistant.core.access import revocation, sessions, sign_in
from tg_assistant.core.actor import Actor
from tg_assistant.core.names import Topic
from tg_assistant.errors import NotAllowed, SignInNeeded, Unavailable
from tg_assistant.infra.postgres.db import Session
from tg_assistant.texts import has, language_of, text
from tg_assistant.web.process import current

HOME = "/tg/app"
PANEL = "/admin"  # in an ordinary browser, signed in by a link from the bot
LOADERS: dict[str, Any] = {}  # route → the event that loads the screen; filled by `template.page`
_LOOK_SECONDS = 15.0  # an idle screen notices within this time what sends no hint: an expired session
_watched: set[tuple[str, str]] = set()  # (socket, session): at most one `watch` each


class Notice(TypedDict):
    """A line that slides in above the tab bar; `number` distinguishes successive notices."""

    text: str
    kind: str  # success, error
    number: int


_LAUNCH = ("language", "device", "challenge", "refusals", "_asked")


class SessionState(rx.State):
    """The signed-in person and the state common to all screens.

    `phase`: starting, loading, ready, failed, invite (signed in without a membership), or why nobody is
    signed in: reopen, outside, offline, link (in the admin panel: the bot sends a sign-in link on /admin).
    """

    phase: str = "starting"
    language: str = "en"
    device: str = "phone"
    start: str = ""
    challenge: str = ""
    refusals: int = 0
    built: list[str] = []  # noqa: RUF012 - Reflex copies defaults; the screens this socket has been shown
    notice: Notice = {"text": "", "kind": "", "number": 0}  # noqa: RUF012
    _sid: str = ""
    _session: str = ""
    _person: str = ""
    _asked: int = 0
    _kept_known: bool = False  # there has been a sign-in: the state outlives its socket

    @rx.var
    def haptic(self) -> str:
        """The haptic feedback to give, as "kind:number": "success:3" for the third notice."""
        return f"{self.notice['kind']}:{self.notice['number']}"

    @rx.event
    def page_opened(self) -> Any:
        """Load the screen, or send the challenge first. Runs on every connect and navigation."""
        if not self._is_bound():
            self._asked += 1  # a repeated challenge must differ, or the page would not notice it
            self.challenge = f"{self.router.session.session_id}:{self._asked}"
            return None
        return self._load()

    @rx.event
    async def present(self, answer: dict[str, Any]) -> Any:
        """Sign in with the bridge's answer to the challenge: the resume secret and how the app was opened."""
        async with current().db.transaction() as db:
            try:
                session = await sessions.resume(db, str(answer.get("secret", "")))
            except SignInNeeded:
                self._remember_launch(answer)
                self.refusals += 1  # the bridge deletes the secret and may still have unused init data
                return None
            actor = await sign_in.by_session(db, session.id)
        if self._session not in ("", str(session.id)):
            await self._clear()  # another session's data on this socket must not be shown
        self._remember_launch(answer)
        self._sid, self._session = self.router.session.session_id, str(session.id)
        self._person = str(actor.user_id)
        self._kept_known = True
        return [event for event in (SessionState.watch, self._entered(actor)) if event is not None]

    @rx.event(background=True)
    async def watch(self) -> Any:
        """Reload the screen within a second after rights are lost, as an idle socket sends no event."""
        async with self:
            seen = self._sid, self._session
            if not self._is_bound() or seen in _watched:
                return None
            _watched.add(seen)
        try:
            async with self, current().db.transaction() as db:
                actor = await self._actor(db)
            if await _until_lost(seen[0], actor):
                return SessionState.look_again
        finally:
            _watched.discard(seen)
        return None

    @rx.event
    async def look_again(self) -> Any:
        """Rights were lost: clear the screen and rebuild what may still be seen."""
        if not self._is_bound():
            return None
        bound = self._sid, self._session, self._person
        await self._clear()
        self._sid, self._session, self._person = bound
        async with current().db.transaction() as db:
            actor = await self._actor(db)
        return [event for event in (SessionState.watch, self._entered(actor)) if event is not None]

    @rx.event
    def refused(self, answer: dict[str, Any]) -> None:
        """The bridge has no secret: not opened from Telegram, init data used or too old, or no network."""
        self._remember_launch(answer)
        failure = str(answer.get("failure", ""))
        self.phase = failure if failure in {"outside", "offline", "link"} else "reopen"

    @rx.event
    async def fail(self, code: str, values: dict[str, Any], reference: str) -> None:
        """A handler raised an error: show a notice, and set `failed` if the screen could not be loaded."""
        if code.startswith("access.signed_out"):
            await self._leave()
            return
        if code == "access.disabled":
            await self._leave()
        shown = f"errors.{code}" if has(f"errors.{code}") else "errors.internal"
        plain = {str(name): each for name, each in values.items() if isinstance(each, (str, int, float))}
        self._say(text(shown, self.language, reference=reference, **plain), kind="error")
        if self.phase in {"starting", "loading"}:
            self.phase = "failed"

    @rx.event
    def loaded(self) -> None:
        """A screen's loader has finished."""
        if (route := self._route()) not in self.built:
            self.built = [*self.built, route]
        self.phase = "ready"

    async def _leave(self) -> None:
        """End the sign-in on this socket: clear its state and show how to sign in again."""
        await self._clear()
        self.phase = "link" if self._route().startswith(PANEL) else "reopen"

    async def _clear(self) -> None:
        """Reset the state as for a new socket, except the bridge's counters and how the app was opened."""
        kept = {name: getattr(self, name) for name in _LAUNCH}
        await _forget_all(self)
        for name, value in kept.items():
            setattr(self, name, value)

    def _feel(self, kind: str) -> None:
        """Give haptic feedback without a text."""
        self.notice = {"text": "", "kind": kind, "number": self.notice["number"] + 1}

    def _say(self, sentence: str, *, kind: str = "success") -> None:
        self.notice = {"text": sentence, "kind": kind, "number": self.notice["number"] + 1}

    async def _actor(self, db: Session) -> Actor:
        """The person on this socket, read again from SQL. Raises SignInNeeded, NotAllowed."""
        if not self._is_bound():
            raise SignInNeeded("access.signed_out")
        return await sign_in.by_session(db, UUID(self._session))

    def _is_bound(self) -> bool:
        return bool(self._sid) and self._sid == self.router.session.session_id

    def _remember_launch(self, answer: dict[str, Any]) -> None:
        if self.phase == "starting":
            self.language = language_of(str(answer.get("language", "")))
        self.device = "phone" if answer.get("device") == "phone" else "desktop"
        self.start = str(answer.get("start", ""))[:64]

    def _entered(self, actor: Actor) -> Any:
        self.language = actor.language
        if actor.tenant_id is not None:
            return self._load()
        self.phase = "invite"
        return None if self._route() == HOME else rx.redirect(f"{HOME}/")

    def _load(self) -> Any:
        """The event that loads the open screen; one already loaded on this socket stays visible meanwhile."""
        route = self._route()
        if self.phase == "invite":
            return None
        if route not in self.built:
            self.phase = "loading"
        return LOADERS.get(route)

    def _route(self) -> str:
        return self.router.url.path.rstrip("/")


class ForgetOnReconnect(Middleware):
    """Resets the state on a new socket: holding the token gives no right to data shown on an earlier socket.

    Only `_kept…` vars survive: they are useless to another person (a connect link depends on the login's
    owner).
    """

    async def preprocess(self, app: rx.App, state: Any, event: Any) -> None:
        """Runs before every event, not only a page's first: a socket may send any event, even `hydrate`."""
        session = await state.get_state(SessionState)
        if session._sid and not session._is_bound():
            await _forget_all(session)


async def _until_lost(sid: str, actor: Actor) -> bool:
    """Wait until the actor loses rights (True) or the socket is closed (False)."""
    rt = current()
    async with rt.events.listening(Topic.rights, str(actor.user_id)) as changed:
        while is_open(sid):
            changed.clear()
            try:
                actor = await revocation.check(rt, actor)
            except (SignInNeeded, NotAllowed):
                return True
            except Unavailable:
                pass  # nothing can be read while the database is away; check again later
            await changed.within(_LOOK_SECONDS)
    return False


async def _forget_all(session: SessionState) -> None:
    """Reset every state of this client to its defaults, except `_kept…` vars."""
    for state in rx.State.get_substates():
        await session.get_state(state)  # from Redis only the states that an event names are loaded
    _forget(session._get_root_state())


def _forget(state: BaseState) -> None:
    for child in state.substates.values():
        for name, field in type(child).__fields__.items():
            if field._owner is type(child) and not name.startswith("_kept"):
                setattr(child, name, field.default_value())
        _forget(child)


def is_open(sid: str) -> bool:
    """Whether the socket is connected to this process."""
    namespace = RegistrationContext.get().app.event_namespace
    return namespace is not None and sid in namespace.sid_to_token
