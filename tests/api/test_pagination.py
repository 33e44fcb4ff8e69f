"""Cursors: what was given out leads on, anything else is refused in words."""

import base64
import json
from uuid import UUID, uuid4

import pytest

from tg_assistant.api import pagination
from tg_assistant.errors import Invalid

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


def test_the_last_page_has_no_cursor():
    """One row too many means that there is another page, and is not shown on this one."""
    page = pagination.cut([1, 2, 3], 2, lambda n: (n,))
    assert page.items == [1, 2] and pagination.decode(page.next_cursor, int) == (2,)
    assert pagination.cut([1, 2], 2, lambda n: (n,)).next_cursor is None
