"""Questions refused one after another: the page's state, which each event carries, does not grow."""

from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from tests.attacks import losses
from tests.attacks.losses import Reader
from tests.attacks.test_every_handler import Held, client, find
from tg_assistant.core.answers import asking
from tg_assistant.errors import Invalid, LimitReached
from tg_assistant.infra.runtime import Runtime
from tg_assistant.pages import ask
from tg_assistant.pages.ask import AskState
from tg_assistant.state import SessionState
from tg_assistant.web import process

_numbers = count(653_001)


@pytest.fixture
async def page(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The question page of somebody who has just opened it."""
    one: Reader = await losses.reader(rt, next(_numbers))
    monkeypatch.setattr(process, "_runtime", rt)
    for module in ("state", "page_context"):
        monkeypatch.setattr(f"tg_assistant.{module}.is_open", lambda sid: True)
    root = client()
    session, page = find(root, SessionState), find(root, AskState)
    await SessionState.present.fn(session, {"secret": one.resume_secret})
    await AskState.load.fn(page)
    return page


@pytest.mark.parametrize("question", ["", "  ?!", "\x00\ud83d", "long " * 1_000])
async def test_what_core_refuses_is_not_shown(page: Any, question: str) -> None:
    """Neither an exchange nor a page that waits for its answer."""
    with pytest.raises(Invalid):
        await AskState.ask.fn(page, question, str(uuid4()))
    assert (page.exchanges, page.busy) == ([], False)


async def test_what_is_shown_is_what_is_written_down(page: Any) -> None:
    """Not the fifty thousand spaces around it."""
    await AskState.ask.fn(page, " " * 50_000 + "Where is the key?", str(uuid4()))
    assert [one["question"] for one in page.exchanges] == ["Where is the key?"]


async def test_what_is_refused_later_takes_a_place_of_twenty(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the history has, the newest: a day's limit refuses without end."""

    async def refused(*_: Any) -> None:
        raise LimitReached("answers.daily_limit", policy=("questions", 1, 1), retry_after=1, max=1)

    monkeypatch.setattr(asking, "begin", refused)
    for n in range(25):
        await AskState.ask.fn(page, f"Question {n}", str(uuid4()))
        with pytest.raises(LimitReached):
            await AskState.stream.fn(Held(page))
    shown = [one["question"] for one in page.exchanges]
    assert shown == [f"Question {n}" for n in range(25 - ask._HISTORY, 25)]
    assert not page.busy
