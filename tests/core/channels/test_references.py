"""What people type to name a channel."""

import pytest

from tg_assistant.core.channels.references import parse_reference
from tg_assistant.errors import Invalid


@pytest.mark.parametrize(
    ("text", "username", "telegram_id", "message_id"),
    [
        ("@durov", "durov", None, None),
        ("durov", "durov", None, None),
        ("  @Durov ", "Durov", None, None),
        ("t.me/durov", "durov", None, None),
        ("https://t.me/durov/123", "durov", None, 123),
        ("http://www.telegram.me/durov", "durov", None, None),
        ("https://t.me/s/durov/5?before=7", "durov", None, 5),
        ("https://durov.t.me/123", "durov", None, 123),
        ("tg://resolve?domain=durov&post=9", "durov", None, 9),
        ("https://t.me/c/1234567890/55", None, 1234567890, 55),
        ("tg://privatepost?channel=1234567890&post=55", None, 1234567890, 55),
        ("-1001234567890", None, 1234567890, None),
        ("1234567890", None, 1234567890, None),
    ],
)
def test_names_links_and_ids_are_understood(text, username, telegram_id, message_id):
    """Every usual way of naming a channel leads to its name or its id."""
    reference = parse_reference(text)
    assert (reference.username, reference.telegram_id) == (username, telegram_id)
    assert reference.message_id == message_id


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "channels.empty_reference"),
        (" \n", "channels.empty_reference"),
        ("x" * 300, "channels.reference_too_long"),
        ("https://t.me/+AbCdEf", "channels.invite_link"),
        ("t.me/joinchat/AbCdEf", "channels.invite_link"),
        ("tg://join?invite=AbCdEf", "channels.invite_link"),
        ("@имя", "channels.bad_reference"),
        ("@a'; DROP TABLE posts; --", "channels.bad_reference"),
        ("https://example.org/durov", "channels.bad_reference"),
        ("https://t.me.evil.org/durov", "channels.bad_reference"),
        ("javascript://t.me/durov", "channels.bad_reference"),
        ("https://t.me/", "channels.bad_reference"),
        ("https://t.me/addlist/xyz", "channels.bad_reference"),
        ("https://[t.me/durov", "channels.bad_reference"),
        ("tg://[", "channels.bad_reference"),
        ("tg://resolve]?domain=durov", "channels.bad_reference"),
        ("https://t.me/c/abc/1", "channels.bad_reference"),
        ("0", "channels.bad_reference"),
        ("99999999999999999999", "channels.bad_reference"),
        ("two words", "channels.bad_reference"),
        ("@abc", "channels.bad_reference"),
    ],
)
def test_anything_else_is_refused_with_its_own_words(text, code):
    """Wrong input ends in a clear sentence, never in a look-up at Telegram."""
    with pytest.raises(Invalid) as refused:
        parse_reference(text)
    assert refused.value.code == code
