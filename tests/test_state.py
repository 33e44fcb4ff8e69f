"""Who is signed in: bound to one socket, asked anew on the next, errors in words."""

import pytest
import reflex as rx

from tests.counted import moved
from tg_assistant.errors import Invalid, SignInNeeded
from tg_assistant.state import SessionState
from tg_assistant.tg_assistant import notice_for


@pytest.fixture
def session() -> SessionState:
    """A state as Reflex makes it for a new client, on socket "one"."""
    root = rx.State(_reflex_internal_init=True)
    found = root.get_substate(SessionState.get_full_name().split("."))
    assert isinstance(found, SessionState)
    _on_socket(root, "one")
    return found


def _on_socket(root: rx.State, sid: str) -> None:
    root.router_data = {"sid": sid, "pathname": "/tg/app/ask"}
    root._update_router_vars(root.router_data, {})


async def test_nobody_is_signed_in_at_first(session: SessionState) -> None:
    """Without a presented secret there is no actor, whatever the browser claims."""
    with pytest.raises(SignInNeeded):
        await session._actor(None)


def test_each_opening_asks_anew(session: SessionState) -> None:
    """After an error the same socket must be able to ask again."""
    SessionState.page_opened.fn(session)
    first = session.challenge
    SessionState.page_opened.fn(session)
    assert first.startswith("one:")
    assert session.challenge != first


def test_another_socket_is_nobody(session: SessionState) -> None:
    """The binding is to the socket, so a reconnect has to present the secret again."""
    session._sid = "one"
    assert session._is_bound()
    _on_socket(session._get_root_state(), "two")
    assert not session._is_bound()


async def test_known_errors_are_said_by_code(session: SessionState) -> None:
    """The sentence of the code in the person's language; a screen being built becomes a failed one."""
    session.language, session.phase = "ru", "loading"
    await SessionState.fail.fn(session, "channels.limit", {"max": 30, "current": 30}, "")
    assert "30" in session.notice["text"]
    assert (session.notice["kind"], session.phase) == ("error", "failed")


async def test_unknown_errors_have_a_reference(session: SessionState) -> None:
    """Nothing technical, only the id that the log explains."""
    session.phase = "ready"
    await SessionState.fail.fn(session, "no.such.code", {}, "abc12345")
    assert "abc12345" in session.notice["text"]
    assert session.phase == "ready"


async def test_ended_session_leads_to_the_way_on(session: SessionState) -> None:
    """Revoked elsewhere: no notice, but the screen that says how to come back."""
    session._sid, session.phase = "one", "ready"
    await SessionState.fail.fn(session, "access.signed_out", {}, "")
    assert session.phase == "reopen"
    assert not session._is_bound()


def test_exceptions_become_notices() -> None:
    """Ours by code; any other hides its text behind a reference."""
    with moved("errors_total", 1, door="page", code="channels.limit"):
        assert "channels.limit" in str(notice_for(Invalid("channels.limit", max=1)).args)
    with moved("errors_total", 1, door="page", code="internal"):
        assert "secret detail" not in str(notice_for(RuntimeError("secret detail")).args)
