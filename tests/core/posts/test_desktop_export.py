"""Telegram Desktop's result.json: what is read of it, in all the forms its versions write."""

import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_assistant.core.posts.desktop_export import Chat, as_post, read
from tg_assistant.core.posts.ingestion import IncomingPost
from tg_assistant.infra.json_stream import BrokenJson, JsonStream

AT = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


def message(number, text="", **facts):
    return {"id": number, "type": "message", "date_unixtime": str(int(AT.timestamp())), "text": text, **facts}


def chat(number, *messages, kind="public_channel", name="News"):
    return {"name": name, "type": kind, "id": number, "messages": list(messages)}


def found(document):
    return list(read(JsonStream(io.StringIO(json.dumps(document)))))


def test_one_chat():
    """The file of one chat is that chat; service messages are no posts."""
    service = {
        "id": 1,
        "type": "service",
        "date": "2026-01-01T00:00:00",
        "action": "create_channel",
        "text": "",
    }
    assert found(chat(77, service, message(2, "Hello"))) == [
        Chat(77, "News", "public_channel"),
        IncomingPost(2, AT, "Hello"),
    ]


def test_a_whole_account():
    """Channels of both lists; private chats, groups and all else are passed over."""
    document = {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": 1, "bio": "x"},
        "contacts": {"about": "", "list": [{"first_name": "Zoe"}]},
        "sessions": {"list": [[1, [2, {"a": "b"}]]]},
        "chats": {
            "about": "",
            "list": [
                chat(5, message(1, "Secret"), kind="personal_chat"),
                chat(77, message(1, "One")),
                chat(6, message(1, "Group"), kind="private_supergroup"),
                {"type": "saved_messages", "id": 9, "messages": [message(1, "Mine")]},
            ],
        },
        "left_chats": {
            "about": "",
            "list": [chat(-1000000000078, message(3, "Left"), kind="private_channel")],
        },
    }
    assert [each.text if isinstance(each, IncomingPost) else each.id for each in found(document)] == [
        77,
        "One",
        78,
        "Left",
    ]


@pytest.mark.parametrize(
    ("text", "plain", "links"),
    [
        ("Plain", "Plain", []),
        (["A ", {"type": "bold", "text": "bold"}, " word"], "A bold word", []),
        (
            ["See ", {"type": "text_link", "text": "here", "href": "https://example.org/x"}, "."],
            "See here.",
            ["https://example.org/x"],
        ),
        ([{"type": "link", "text": "example.org"}], "example.org", ["https://example.org"]),
        (["#", {"type": "hashtag", "text": "#news"}, {"type": "custom_emoji", "text": "🦆"}], "##news🦆", []),
        (None, "", []),
        ([1, {"type": "bold"}, {"text": None}, []], "", []),
    ],
)
def test_text_in_pieces(text, plain, links):
    """A string, or strings and objects in a list; hidden and shown links are kept."""
    post = as_post(message(1, text))
    assert (post.text, post.links) == (plain, links)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"photo": "photos/1.jpg"}, "photo"),
        ({"file": "files/a.pdf", "mime_type": "application/pdf"}, "document"),
        ({"file": "x.ogg", "media_type": "voice_message"}, "voice"),
        ({"file": "x.mp4", "media_type": "video_file"}, "video"),
        ({"file": "x.mp4", "media_type": "video_message"}, "video_note"),
        ({"file": "x.mp4", "media_type": "animation"}, "animation"),
        ({"file": "x.webp", "media_type": "sticker"}, "sticker"),
        ({"location_information": {"latitude": 1, "longitude": 2}}, "location"),
        ({"contact_information": {"first_name": "Zoe"}}, "contact"),
        ({}, None),
    ],
)
def test_kinds_of_media(facts, kind):
    """By the names that posts from Telegram have."""
    assert as_post(message(1, "x", **facts)).media == kind


def test_times_forwards_and_polls():
    """Edits by time, a forward by name, a poll by question and answers; old files have local time alone."""
    unix = str(int(AT.timestamp()) + 60)
    post = as_post(message(7, "x", edited_unixtime=unix, forwarded_from="Source"))
    assert (post.edited_at, post.forward_title) == (AT.replace(minute=31), "Source")
    poll = {"question": "Who?", "closed": False, "answers": [{"text": "I", "voters": 1}, {"text": "You"}]}
    asked = as_post(message(8, poll=poll))
    assert (asked.text, asked.media) == ("Who?\nI\nYou", "poll")
    old = as_post({"id": 9, "type": "message", "date": "2026-11-03T09:30:00", "text": "x"})
    assert old.posted_at == AT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "{}",
        '{"chats": 7}',
        '{"messages": 7}',
        '{"id": 77, "type": "public_channel", "messages": [{"id": 1',
        "<html>",
    ],
)
def test_what_is_no_export_is_said(text):
    """Also a file that was cut off."""
    with pytest.raises(BrokenJson):
        list(read(JsonStream(io.StringIO(text))))


_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda i: st.lists(i, max_size=3)
)
_KEYS = st.sampled_from(
    ["id", "type", "date", "date_unixtime", "edited_unixtime", "text", "poll", "media_type", "forwarded_from"]
)


@given(st.dictionaries(_KEYS, _ODD | st.just("message")))
def test_no_message_is_an_error(odd):
    """Whatever stands in a message's fields."""
    post = as_post({"type": "message", "id": 1, "date_unixtime": "1000000000", **odd})
    assert post is None or post.message_id > 0
