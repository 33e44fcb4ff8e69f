"""Cursors: what was given out leads on, anything else is refused in words."""

import base64
import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from tg_assistant.api.pagination import cut
from tg_assistant.core import pagination
from tg_assistant.core.posts import posts
from tg_assistant.core.retrieval import search
from tg_assistant.errors import Invalid
from tg_assistant.models import Post

_ID = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BAD = [
    "x",
    "é",
    "====",
    "e30=",
    "W10=",
    "\ud83d",
    "a\x00b",
    "WyJhIl0=",
    base64.urlsafe_b64encode(b"[" * 400).decode(),
    base64.urlsafe_b64encode(json.dumps(["a\x00", str(uuid4())]).encode()).decode(),
    base64.urlsafe_b64encode(json.dumps(["\ud83d", str(uuid4())]).encode()).decode(),
    base64.urlsafe_b64encode(json.dumps([1, 2]).encode()).decode(),
    base64.urlsafe_b64encode(json.dumps(["a", "no id"]).encode()).decode(),
    base64.urlsafe_b64encode(json.dumps(["a", str(uuid4()), "more"]).encode()).decode(),
]


def test_a_cursor_says_where_the_list_goes_on():
    """Whatever letters a title has, the position comes back as it was."""
    where = ("Ёлки «и» палки 🙂", uuid4())
    assert pagination.decode(pagination.encode(*where), str, UUID) == where
    assert pagination.decode(None, str, UUID) is None and pagination.decode("", str) is None


@pytest.mark.parametrize("cursor", BAD, ids=range(len(BAD)))
def test_a_made_up_cursor_is_refused(cursor):
    """Broken base64, other JSON, too few parts, NUL: one sentence, never a surprise."""
    with pytest.raises(Invalid) as refused:
        pagination.decode(cursor, str, UUID)
    assert refused.value.code == "lists.bad_cursor"


GIVEN_OUT = [  # as each codec wrote them before there was one: what, and how it is read
    (["2026-11-20T12:00:00+00:00", _ID], (pagination.moment, UUID), (NOON, UUID(_ID))),
    (["2026-11-20 12:00:00+00:00", _ID], (pagination.moment, UUID), (NOON, UUID(_ID))),
    (["\u0401\u043b\u043a\u0438", _ID], (str, UUID), ("Ёлки", UUID(_ID))),
    (["4711"], (int,), (4711,)),
    ({"offset": 40}, (search._rank,), (40,)),
]


@pytest.mark.parametrize(("written", "parsers", "position"), GIVEN_OUT, ids=range(len(GIVEN_OUT)))
def test_cursors_given_out_before_are_still_read(written, parsers, position):
    """Whoever holds one from before an update reads on where they were."""
    cursor = base64.urlsafe_b64encode(json.dumps(written).encode()).decode()
    assert pagination.decode(cursor, *parsers) == position


@pytest.mark.parametrize("rank", [{"offset": -1}, {"offset": 201}, {"offset": True}, {"offset": "x"}, ["-1"]])
def test_a_made_up_rank_is_refused(rank):
    """Ranked lists end at a depth; nothing beyond or before it was ever given out."""
    with pytest.raises(Invalid) as refused:
        pagination.decode(base64.urlsafe_b64encode(json.dumps(rank).encode()).decode(), search._rank)
    assert refused.value.code == "lists.bad_cursor"


def test_a_list_of_one_kind_is_not_continued_by_a_cursor_of_another():
    """A post's place is no rank, and a rank no place; a moment without a zone is nobody's."""
    post = posts.cursor_of(Post(id=UUID(_ID), channel_id=UUID(_ID), message_id=1, posted_at=NOON))
    assert pagination.decode(post, pagination.moment, UUID) == (NOON, UUID(_ID))
    for cursor, parsers in (
        (post, (search._rank,)),
        (search.cursor_at(20), (pagination.moment, UUID)),
        (pagination.encode("2026-11-20T12:00:00", _ID), (pagination.moment, UUID)),
    ):
        with pytest.raises(Invalid):
            pagination.decode(cursor, *parsers)


def test_the_longest_title_fits_a_cursor_at_every_door():
    """Telegram's titles have 128 letters; a list by title goes on behind one in any script."""
    cursor = pagination.encode("Ж" * 128, _ID)
    assert len(cursor) <= pagination.MAX_CURSOR
    assert pagination.decode(cursor, str, UUID) == ("Ж" * 128, UUID(_ID))


def test_the_last_page_has_no_cursor():
    """One row too many means that there is another page, and is not shown on this one."""
    page = cut([1, 2, 3], 2, lambda n: (n,))
    assert page.items == [1, 2] and pagination.decode(page.next_cursor, int) == (2,)
    assert cut([1, 2], 2, lambda n: (n,)).next_cursor is None
