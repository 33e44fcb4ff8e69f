"""What people type and paste to name a channel."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_assistant.core.channels.references import MAX_TEXT, are_references, parse_reference, split_references
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
        ("−1001234567890", None, 1234567890, None),
        # every host, scheme and case; slashes that a keyboard swallowed
        ("HTTPS://T.ME/Durov", "Durov", None, None),
        ("http://t.me/durov/", "durov", None, None),
        ("https://telegram.dog/durov", "durov", None, None),
        ("https://www.t.me/durov", "durov", None, None),
        ("https://t.me:443//durov", "durov", None, None),
        ("https:/t.me/durov", "durov", None, None),
        ("//t.me/durov", "durov", None, None),
        ("Durov.T.ME", "durov", None, None),
        ("durov.t.me/s/5", "durov", None, None),
        ("t.me/@durov", "durov", None, None),
        ("@durov/123", "durov", None, 123),
        ("https://t.me/%64urov", "durov", None, None),
        # what Telegram's own "copy link" adds
        ("https://t.me/durov/123?single", "durov", None, 123),
        ("https://t.me/durov/123?comment=45", "durov", None, 123),
        ("https://t.me/durov/5/123", "durov", None, 123),
        ("https://t.me/durov?boost", "durov", None, None),
        ("https://t.me/boost/durov", "durov", None, None),
        ("https://t.me/boost?c=1234567890", None, 1234567890, None),
        ("https://t.me/c/1234567890", None, 1234567890, None),
        ("https://t.me/c/1234567890/55?single#top", None, 1234567890, 55),
        ("tg:resolve?domain=durov", "durov", None, None),
        ("TG://RESOLVE?DOMAIN=%40Durov", "Durov", None, None),
        ("tg://boost?channel=1234567890", None, 1234567890, None),
        # the address bar of Telegram Web
        ("https://web.telegram.org/k/#@durov", "durov", None, None),
        ("https://web.telegram.org/k/#-1234567890", None, 1234567890, None),
        ("https://web.telegram.org/a/#-1001234567890", None, 1234567890, None),
        ("https://web.telegram.org/k/#?tgaddr=tg%3A%2F%2Fresolve%3Fdomain%3Ddurov", "durov", None, None),
        # unseen, full-width, and wrapped in something
        ("\u2068https://t.me/durov\u2069", "durov", None, None),
        ("\ufeff@du\u200b\u200drov\u200f", "durov", None, None),
        ("\u202et.me/du\u00adrov\u202c", "durov", None, None),
        ("\u00a0@durov\u00a0", "durov", None, None),
        ("ｈｔｔｐｓ：／／ｔ．ｍｅ／ｄｕｒｏｖ", "durov", None, None),
        ("＠durov", "durov", None, None),
        ("<https://t.me/durov>", "durov", None, None),
        ("«@durov»", "durov", None, None),
        ("“t.me/durov”,", "durov", None, None),
        ("(t.me/durov/7).", "durov", None, 7),
        ("**@durov**", "durov", None, None),
        ("__@durov__!", "durov", None, None),
        ("`@durov`", "durov", None, None),
        ("[Павел Дуров](https://t.me/durov)", "durov", None, None),
        ("👉️ t.me/durov 👈️", "durov", None, None),
        ("Наш канал: https://t.me/durov — подпишись", "durov", None, None),
        ("канал:https://t.me/durov", "durov", None, None),
        ("@durov и ещё раз t.me/Durov/5", "durov", None, None),
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
        ("https://t.me/%2BAbCdEf", "channels.invite_link"),
        ("\u200bHTTPS://T.ME/JoinChat/AbCdEf", "channels.invite_link"),
        ("https://t.me/+79991234567", "channels.is_phone"),
        ("tg://resolve?phone=79991234567", "channels.is_phone"),
        ("https://t.me/addlist/xyz", "channels.is_folder"),
        ("tg://addlist?slug=xyz", "channels.is_folder"),
        ("https://t.me/addstickers/Ducks", "channels.is_stickers"),
        ("tg://addemoji?set=Ducks", "channels.is_stickers"),
        ("https://t.me/proxy?server=a&port=1&secret=b", "channels.is_proxy"),
        ("tg://socks?server=a&port=1", "channels.is_proxy"),
        ("tg://user?id=777000", "channels.is_person"),
        ("https://t.me/contact/abc", "channels.is_person"),
        ("https://web.telegram.org/k/#777000", "channels.is_person"),
        ("https://t.me/ducks_bot?start=x", "channels.bot"),
        ("https://t.me/ducks/app?startapp=x", "channels.bot"),
        ("tg://resolve?domain=ducks&startgroup=1", "channels.bot"),
        ("https://t.me/share/url?url=https://t.me/durov", "channels.is_other_link"),
        ("https://t.me/$abc", "channels.is_other_link"),
        ("tg://login?token=abc", "channels.is_other_link"),
        ("https://t.me/c/1234567890/5/123", "channels.private_group"),
        ("https://t.me/c/1234567890/123?thread=5", "channels.private_group"),
        ("tg://privatepost?channel=1234567890&post=1&thread=5", "channels.private_group"),
        ("-123456789", "channels.private_group"),
        ("@durov t.me/telegram", "channels.several_references"),
        ("@durov t.me/+AbCdEf", "channels.invite_link"),
        ("t.me/" + "x" * 300, "channels.reference_too_long"),
        ("@durov " * 600, "channels.reference_too_long"),
        ("@addlist", "channels.bad_reference"),
        ("👉", "channels.bad_reference"),
        ("https://example.org/?u=https://t.me/durov", "channels.bad_reference"),
        ("https://t.me@example.org/durov", "channels.bad_reference"),
        ("t.me", "channels.bad_reference"),
        ("tg://resolve", "channels.bad_reference"),
        ("@имя", "channels.bad_reference"),
        ("@a'; DROP TABLE posts; --", "channels.bad_reference"),
        ("https://example.org/durov", "channels.bad_reference"),
        ("https://t.me.evil.org/durov", "channels.bad_reference"),
        ("javascript://t.me/durov", "channels.bad_reference"),
        ("https://t.me/", "channels.bad_reference"),
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


def test_several_are_found_in_order_each_once():
    """A list of channels in any of the ways people write lists; a wrong one stays; at most ten."""
    text = "1) @durov\n2) https://t.me/telegram/5, <t.me/+abc>; @DUROV • t.me/durov <t.me/+abc>"
    assert split_references(text) == ["@durov", "https://t.me/telegram/5", "t.me/+abc"]
    names = [f"@channel_{n}" for n in range(11)]
    assert split_references(" ".join(names[:10])) == names[:10]
    with pytest.raises(Invalid, match=r"channels\.too_many_references"):
        split_references(" ".join(names))


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("@durov", True),
        ("👉 t.me/durov, «@telegram»!", True),
        ("t.me/+AbCdEf", True),
        ("tg://proxy?server=a", True),
        ("durov", False),
        ("1234567890", False),
        ("what does @durov say?", False),
        ("https://example.org/durov", False),
        ("@durov " * 600, False),
        ("", False),
        ("👉", False),
    ],
)
def test_a_message_that_only_names_channels(text, only):
    """It adds them; a word more makes a question of it."""
    assert are_references(text) is only


_SCRAPS = st.sampled_from([
    *("@", "t.me/", "tg:", "https://", "https:/", "durov", "c/", ".t.me", "?tgaddr=", "domain"),
    "web.telegram.org/",
    *("/", "?", "&", "=", "#", "+", "%", "%2B", "[", "]", "(", ")", "](", "<", "_", "*", ".", ":", " ", "\n"),
    *("-100", "1", "\u0661", "２", "ﬀ", "\u200b", "\u2066", "\x00", "\ud83d"),
])  # fmt: skip


@given(st.lists(_SCRAPS, max_size=60).map("".join) | st.text(max_size=300))
def test_whatever_is_pasted_is_read_or_refused(text):
    """Never another error; what is read, written anew, is read the same."""
    are_references(text)
    try:
        found = parse_reference(text)
    except Invalid:
        return
    assert str(parse_reference(str(found))) == str(found)


@given(st.lists(_SCRAPS, min_size=1, max_size=4).map("".join))
def test_the_longest_message_is_read_at_once(unit):
    """Time is linear: 4,096 characters of any pattern take well under a tenth of a second."""
    text = (unit * MAX_TEXT)[:MAX_TEXT]
    began = time.thread_time()
    are_references(text)
    with suppress(Invalid):
        split_references(text)
    assert time.thread_time() - began < 0.1
