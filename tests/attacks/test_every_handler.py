"""Every event handler of every Reflex state, called by sockets that should get nothing from it.

Any socket may call any handler of any page with any arguments. The handlers are found, not listed: a new one
fails here until RULES says what it is to refuse.
"""

import asyncio
import inspect
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import reflex as rx
from sqlmodel import col, update

from tests.attacks import victim
from tests.attacks.victim import MARK, World
from tg_assistant.core.access import sessions
from tg_assistant.core.actor import Actor
from tg_assistant.errors import AssistantError, NotAllowed, SignInNeeded
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Membership, Role
from tg_assistant.settings.groups import Settings
from tg_assistant.state import ForgetOnReconnect, SessionState
from tg_assistant.tg_assistant import app
from tg_assistant.web import process

# What a handler is, and so who is refused:
SCREEN = "touches only what this socket's own screen holds: nobody is refused, nobody learns anything"
MEMBER = "needs a person, and gives or changes what is that person's own"
OBJECT = "names an object: refused to everybody it does not belong to, as if it did not exist"
ADMIN = "needs an admin, and gives or changes what is that admin's own group's"

RULES: dict[str, str] = {
    "AddState.add_chosen": MEMBER,
    "AddState.add_link": MEMBER,
    "AddState.choose_folder": SCREEN,
    "AddState.list_available": MEMBER,
    "AddState.load": MEMBER,
    "AddState.refresh": MEMBER,
    "AddState.search": SCREEN,
    "AddState.toggle": SCREEN,
    "AskState.ask": MEMBER,
    "AskState.close_source": SCREEN,
    "AskState.copied": SCREEN,
    "AskState.guard": MEMBER,
    "AskState.load": MEMBER,
    "AskState.open_source": MEMBER,
    "AskState.resume": MEMBER,
    "AskState.stream": MEMBER,
    "AskState.wait": SCREEN,  # reads only for a socket that is open and busy
    "ChannelsState.close": SCREEN,
    "ChannelsState.follow": SCREEN,  # reads only for a socket that is open, as its person
    "ChannelsState.load": MEMBER,
    "ChannelsState.open": SCREEN,
    "ChannelsState.pause": OBJECT,
    "ChannelsState.remove": OBJECT,
    "ConnectState.cancel": OBJECT,
    "ConnectState.copied": SCREEN,
    "ConnectState.follow": OBJECT,
    "ConnectState.load": MEMBER,
    "ConnectState.start": OBJECT,
    "GroupChannelsState.load": ADMIN,
    "GroupChannelsState.pause": OBJECT,
    "GroupChannelsState.read_on": ADMIN,
    "GroupChannelsState.search": ADMIN,
    "HomeState.load": MEMBER,
    "HomeState.redeem": OBJECT,
    "InvitesState.choose": ADMIN,
    "InvitesState.close": SCREEN,
    "InvitesState.create": ADMIN,
    "InvitesState.load": ADMIN,
    "InvitesState.read_on": ADMIN,
    "InvitesState.revoke": OBJECT,
    "InvitesState.show": OBJECT,
    "LandingState.load": SCREEN,  # the bot's public name
    "OverviewState.load": ADMIN,
    "OverviewState.read_on": ADMIN,
    "PeopleState.change": OBJECT,
    "PeopleState.choose_role": ADMIN,
    "PeopleState.close": SCREEN,
    "PeopleState.end": OBJECT,
    "PeopleState.load": ADMIN,
    "PeopleState.read_on": ADMIN,
    "PeopleState.search": ADMIN,
    "PeopleState.show": OBJECT,
    "QueueState.choose_status": ADMIN,
    "QueueState.drop": OBJECT,
    "QueueState.load": ADMIN,
    "QueueState.read_on": ADMIN,
    "QueueState.requeue": OBJECT,
    "SessionState.fail": SCREEN,
    "SessionState.loaded": SCREEN,
    "SessionState.look_again": SCREEN,  # shows the socket's own person what they may see, anew
    "SessionState.page_opened": SCREEN,
    "SessionState.present": SCREEN,
    "SessionState.refused": SCREEN,
    "SessionState.watch": SCREEN,  # waits, for a socket that is open
    "SessionsState.choose_language": MEMBER,
    "SessionsState.end": OBJECT,
    "SessionsState.load": MEMBER,
    "SessionsState.log_out": OBJECT,
    "SwitchesState.load": ADMIN,
    "SwitchesState.set_flag": ADMIN,
    "SwitchesState.set_share": ADMIN,
    "TrailState.choose_topic": ADMIN,
    "TrailState.load": ADMIN,
    "TrailState.read_on": ADMIN,
}
# Reflex's own; `setvar` finds no setter, since there are none, and the rest moves no data of ours
FRAMEWORK = {
    *("hydrate", "hydrate_and_load", "on_load_internal", "set_is_hydrated", "setvar"),
    *("update_vars_internal", "handle_frontend_exception"),
}


def states(parent: Any = rx.State) -> Iterator[Any]:
    for state in parent.get_substates():
        yield state
        yield from states(state)


def own_states() -> list[Any]:
    return [state for state in states() if state.__module__.startswith("tg_assistant.")]


def handlers() -> dict[str, tuple[Any, Any]]:
    """Everything a socket can call, as "State.handler" → (state, handler)."""
    return {
        f"{state.__name__}.{name}": (state, handler)
        for state in own_states()
        for name, handler in state.event_handlers.items()
        if name != "setvar"
    }


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    """Telegram is away: nothing here is to ask it."""
    at = settings.telegram.model_copy(update={"bot_api_base": "http://127.0.0.1:9"})
    return settings.model_copy(update={"telegram": at})


@pytest.fixture(scope="module")
async def world(rt: Runtime) -> World:
    return await victim.make(rt, 860_000)


@pytest.fixture(autouse=True)
def serving(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the web process."""
    monkeypatch.setattr(process, "_runtime", rt)


class Held:
    """A background handler's view of its state: `async with` takes a lock, which one caller needs not."""

    def __init__(self, state: Any) -> None:
        object.__setattr__(self, "_state", state)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._state, name, value)

    async def __aenter__(self) -> "Held":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def on_socket(root: Any, sid: str, path: str = "/tg/app/channels") -> None:
    root.router_data = {"sid": sid, "pathname": path}
    root._update_router_vars(root.router_data, {})


def client() -> Any:
    """The states of a client that has just connected."""
    root = rx.State(_reflex_internal_init=True)
    on_socket(root, "one")
    return root


def find(root: Any, state: Any) -> Any:
    return root.get_substate(state.get_full_name().split("."))


async def bind(rt: Runtime, root: Any, actor: Actor) -> None:
    """The socket has presented a secret of the attacker's own."""
    async with rt.db.transaction() as db:
        started = await sessions.start(db, actor.user_id, device="attack", now=datetime.now(UTC))
    session = find(root, SessionState)
    session._sid, session._session, session.phase = "one", str(started.id), "ready"


def preset(root: Any, world: World) -> None:
    """As if the screens held the victim's ids, however they may have got there."""
    ids = {name: str(value) for name, value in world.ids.items()}
    question = world.ids["question_id"].hex
    held: dict[str, dict[str, Any]] = {
        "ConnectState": {"_kept_login": ids["login_id"], "status": "pending"},
        "ChannelsState": {"opened": {"id": ids["channel_id"]}},
        "PeopleState": {"open": {"id": ids["user_id"], "version": 1}},
        "InvitesState": {"open": {"code": ids["code"]}},
        "AskState": {"exchanges": [{"id": question, "question": "?", "state": "waiting", "sources": []}]},
    }
    for state in own_states():
        for name, value in held.get(state.__name__, {}).items():
            found = find(root, state)
            setattr(found, name, {**getattr(found, name), **value} if isinstance(value, dict) else value)


def arguments(handler: Any, world: World) -> dict[str, Any]:
    """The victim's own wherever a handler takes an id; a parameter without an entry fails."""
    ids = {name: str(value) for name, value in world.ids.items()}
    known: dict[str, Any] = {
        **{name: ids[name] for name in ("channel_id", "user_id", "session_id", "account_id", "code")},
        "answer": {"secret": ids["session_id"], "device": "phone", "failure": "outside"},
        "form": {"code": ids["code"], "link": f"@{MARK.lower()}", "uses": "1", "days": "1"},
        "exchange_id": world.ids["question_id"].hex,
        "question_id": "0" * 32,
        "question": f"Where is {MARK[:6]}?",
        "query": "a",
        "words": "a",
        "folder": "a",
        "topic": "",
        "role": "owner",
        "status": "",
        "language": "en",
        "name": "status",
        "value": "active",
        "values": {},
        "reference": "",
        "paused": True,
        "enabled": True,
        "share": 50,
        "job_id": 1,
        "n": 1,
    }
    special = {
        "PeopleState.change": {"name": "role", "value": "user"},
        "SwitchesState.set_flag": {"name": "ask"},
        "SessionState.fail": {"code": "internal"},
    }
    key = f"{handler.state.__name__}.{handler.fn.__name__}"
    names = list(inspect.signature(handler.fn).parameters)[1:]
    return {name: (known | special.get(key, {}))[name] for name in names}


async def called(
    root: Any, state: Any, handler: Any, given: dict[str, Any]
) -> tuple[list[Any], Exception | None]:
    """What the handler sends and returns, and how it ended."""
    target = find(root, state)
    sent: list[Any] = []
    try:
        async with asyncio.timeout(60):
            result = handler.fn(Held(target) if handler.is_background else target, **given)
            if inspect.isasyncgen(result):
                async for item in result:
                    sent.append(item)
            else:
                sent.append(await result if inspect.isawaitable(result) else result)
    except Exception as error:
        return sent, error
    return sent, None


def held_by(root: Any) -> str:
    """All that all states of the client hold, seen by the browser or not."""
    found = [
        (name, getattr(state, name))
        for cls in own_states()
        for state in [find(root, cls)]
        for name in type(state).__fields__
        if name != "router"
    ]
    return json.dumps(found, ensure_ascii=False, default=str)


def test_each_handler_has_a_rule():
    """A new one, or one renamed, is a hole until somebody has said what it refuses."""
    assert set(handlers()) == set(RULES)


def test_the_framework_brings_no_new_ones():
    """An update of Reflex with another handler of its own is looked at before it is let in."""
    found = {
        name for state in (rx.State, *states()) if state not in own_states() for name in state.event_handlers
    }
    assert found <= FRAMEWORK
    assert all("setvar" in state.event_handlers for state in own_states()), "the attack below is out of date"


def test_no_var_can_be_set_from_outside():
    """`setvar`, and the door for what a browser stores, reach no var of ours, least of all a private one."""
    root = client()
    for cls in own_states():
        state = find(root, cls)
        for name, field in cls.__fields__.items():
            if field._owner is not cls:
                continue
            before = getattr(state, name)
            with pytest.raises(AttributeError):
                cls.event_handlers["setvar"].fn(state, name, "attack")
            assert getattr(state, name) == before
            assert not cls._is_client_storage(name), "whatever the browser stores, it may also invent"


@pytest.mark.parametrize("name", sorted(RULES))
async def test_without_an_actor(rt: Runtime, world: World, name: str):
    """A socket that never signed in, with the victim's ids: refused, or nothing but its own empty screen."""
    state, handler = handlers()[name]
    before = await world.snapshot(rt)
    root = client()
    preset(root, world)
    sent, error = await called(root, state, handler, arguments(handler, world))
    if RULES[name] is SCREEN:
        assert error is None or isinstance(error, SignInNeeded)
    else:
        assert isinstance(error, SignInNeeded), f"{name} did not ask who is calling: {sent} {error!r}"
    assert MARK not in held_by(root).replace(MARK.lower(), "") and MARK not in str(sent)
    assert await world.snapshot(rt) == before
    assert not find(root, SessionState)._is_bound()


@pytest.mark.parametrize("name", sorted(RULES))
async def test_as_somebody_else(rt: Runtime, world: World, name: str):
    """As a stranger, a foreign member, a foreign admin, a fellow member: nothing of the victim's."""
    state, handler = handlers()[name]
    before = await world.snapshot(rt)
    for who, actor in world.attackers.items():
        root = client()
        await bind(rt, root, actor)
        preset(root, world)
        sent, error = await called(root, state, handler, arguments(handler, world))
        if RULES[name] is OBJECT:
            assert isinstance(error, AssistantError), f"{name} let {who} through: {sent} {error!r}"
        if RULES[name] is ADMIN and (actor.role is None or actor.role.rank < Role.admin.rank):
            assert isinstance(error, NotAllowed), f"{name} let {who} through: {sent} {error!r}"
        shown = held_by(root) + str(sent) + str(getattr(error, "values", ""))
        assert MARK not in shown.replace(f"Where is {MARK[:6]}", ""), f"{name} showed {who} the victim's"
    assert await world.snapshot(rt) == before


async def test_what_a_client_token_alone_is_worth(world: World):
    """Another socket with the victim's client token: whatever event it sends first, the screens are empty."""
    for event in ("hydrate", "hydrate_and_load", "on_load_internal", "ask_state.open_source", "anything"):
        root = client()
        session = find(root, SessionState)
        session._sid, session._session, session.phase = "one", str(world.ids["session_id"]), "ready"
        preset(root, world)
        session._say(f"Private {MARK}")
        find(root, handlers()["AskState.load"][0]).exchanges = [{"question": MARK}]
        on_socket(root, "two")
        await ForgetOnReconnect().preprocess(app, root, SimpleNamespace(name=f"state.{event}"))
        assert MARK not in held_by(root)
        assert not session._is_bound() and session._session == ""


async def test_anothers_session_id_is_no_secret(rt: Runtime, world: World):
    """The ids of sessions are shown to admins: presenting one, or a token of another kind, binds nothing."""
    async with rt.db.transaction() as db:
        started = await sessions.start(db, world.victim.user_id, device="x", now=datetime.now(UTC))
    for wrong in (
        str(started.id),
        started.refresh_token,
        "",
        "\x00",
        "\ud800",
        None,
        [],
        {"a": 1},
        "A" * 10**6,
    ):
        root = client()
        session = find(root, SessionState)
        await SessionState.present.fn(session, {"secret": wrong})
        assert not session._is_bound() and session.refusals == 1
    await SessionState.present.fn(session, {"secret": started.resume_secret})
    assert session._is_bound()


@pytest.mark.parametrize("loss", ["ended", "disabled"])
async def test_lost_rights_are_lost_on_open_sockets(rt: Runtime, loss: str):
    """The next event of a socket that is open, a second later or at once, finds nobody."""
    one = await victim.make(rt, 861_000 if loss == "ended" else 862_000)
    root = client()
    await bind(rt, root, one.victim)
    session = find(root, SessionState)
    async with rt.db.transaction() as db:
        await session._actor(db)
        if loss == "ended":
            await sessions.end(db, one.victim, UUID(session._session))
        else:
            statement = update(Membership).where(col(Membership.user_id) == one.victim.user_id)
            await db.exec(statement.values(disabled=True))
    with pytest.raises((SignInNeeded, NotAllowed)) as caught:
        async with rt.db.transaction() as db:
            await session._actor(db)
    await SessionState.fail.fn(session, caught.value.code, {}, "")
    assert not session._is_bound() and session.phase == "reopen"


@pytest.mark.parametrize("lost", ["access.signed_out", "access.disabled"])
async def test_nothing_stays_in_any_state_of_who_lost_their_rights(world: World, lost: str):
    """Not only the picture goes: no screen's state holds anything, private or shown."""
    root = client()
    session = find(root, SessionState)
    session._sid, session._session, session.phase = "one", str(world.ids["session_id"]), "ready"
    preset(root, world)
    session._say(f"Private {MARK}")
    find(root, handlers()["AskState.load"][0]).exchanges = [{"question": MARK}]
    await SessionState.fail.fn(session, lost, {}, "")
    assert MARK not in held_by(root)
    assert (session._sid, session._session, session.phase) == ("", "", "reopen")


async def test_a_second_person_on_one_socket_starts_from_nothing(rt: Runtime, world: World):
    """Two accounts of one webview: the second one's secret shows nothing of the first."""
    root = client()
    await bind(rt, root, world.victim)
    preset(root, world)
    find(root, handlers()["AskState.load"][0]).exchanges = [{"question": MARK}]
    other = next(actor for actor in world.attackers.values() if actor.tenant_id is not None)
    async with rt.db.transaction() as db:
        started = await sessions.start(db, other.user_id, device="x", now=datetime.now(UTC))
    session = find(root, SessionState)
    await SessionState.present.fn(session, {"secret": started.resume_secret})
    assert session._session == str(started.id) and session._is_bound()
    assert MARK not in held_by(root)


async def test_many_watches_of_one_socket_are_one(rt: Runtime, world: World, monkeypatch: pytest.MonkeyPatch):
    """A socket that asks a thousand times to be watched costs what one does."""
    root = client()
    await bind(rt, root, world.victim)
    session, gone, waiting = find(root, SessionState), asyncio.Event(), []

    async def until_lost(sid: str, _: Actor) -> bool:
        waiting.append(sid)
        return not await gone.wait()

    monkeypatch.setattr("tg_assistant.state._until_lost", until_lost)
    watches = [asyncio.create_task(SessionState.watch.fn(Held(session))) for _ in range(1000)]
    async with asyncio.timeout(60):
        while not waiting:  # noqa: ASYNC110 - a list
            await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    assert len(waiting) == 1
    gone.set()
    await asyncio.gather(*watches)
    assert len(waiting) == 1
