"""What a person can send to a bot besides text, as the Bot API describes it: one example of each kind.

Source: https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

from typing import Any

from sandbox.world.errors import WorldError

CAPTIONED = {
    "animation", "audio", "document", "live_photo", "paid_media", "photo", "video", "voice",
}  # fmt: skip


def content(kind: str) -> dict[str, Any]:
    """The fields of a Message of this kind. Raises WorldError KIND_INVALID for one that nobody can send."""
    if kind not in _FIELDS:
        raise WorldError("KIND_INVALID", f"Kinds are: {', '.join(sorted(_FIELDS))}.")
    return _FIELDS[kind]


def rich(text: Any) -> dict[str, Any]:
    """A rich message of one paragraph; `text` is RichText: https://core.telegram.org/bots/api#richtext."""
    return {"rich_message": {"blocks": [{"type": "paragraph", "text": text}]}}


def _file(name: str, mime_type: str | None = None, **facts: Any) -> dict[str, Any]:
    shape = {"file_id": f"BQAC{name}", "file_unique_id": name, "file_size": 4096, **facts}
    return {**shape, "mime_type": mime_type} if mime_type else shape


_SIZE: dict[str, Any] = {"width": 800, "height": 600}
_PHOTO = [_file("photo", **_SIZE)]
_PLACE = {"latitude": 55.75, "longitude": 37.61}
_CHAT = {"id": -1000000000900, "type": "channel", "title": "Stories", "username": "stories"}
_OPTION = {"persistent_id": "0", "text": "Yes", "voter_count": 0}
_FIELDS: dict[str, dict[str, Any]] = {
    "photo": {"photo": _PHOTO},
    "live_photo": {"live_photo": _file("live", "video/mp4", duration=3, photo=_PHOTO, **_SIZE)},
    "video": {"video": _file("video", "video/mp4", duration=9, **_SIZE)},
    "animation": {
        "animation": _file("gif", "video/mp4", duration=2, **_SIZE),
        "document": _file("gif", "video/mp4"),  # "for backward compatibility", says the Bot API
    },
    "audio": {"audio": _file("song", "audio/mpeg", duration=180, title="Song")},
    "document": {"document": _file("report", "application/pdf", file_name="report.pdf")},
    "voice": {"voice": _file("voice", "audio/ogg", duration=7)},
    "video_note": {"video_note": _file("note", duration=7, length=240)},
    "sticker": {
        "sticker": _file(
            "duck", type="regular", width=512, height=512, is_animated=False, is_video=False, emoji="🦆"
        )
    },
    "story": {"story": {"chat": _CHAT, "id": 5}},
    "location": {"location": _PLACE},
    "venue": {
        "venue": {"location": _PLACE, "title": "Pier", "address": "Quay 1"},
        "location": _PLACE,  # as with an animation's document
    },
    "contact": {"contact": {"phone_number": "+79990000000", "first_name": "Zoe"}},
    "dice": {"dice": {"emoji": "🎲", "value": 4}},
    "poll": {
        "poll": {
            "id": "7",
            "question": "When will the bridge open?",
            "options": [_OPTION, {**_OPTION, "persistent_id": "1", "text": "No"}],
            "total_voter_count": 0,
            "is_closed": False,
            "is_anonymous": True,
            "type": "regular",
            "allows_multiple_answers": False,
            "allows_revoting": True,
            "members_only": False,
        }
    },
    "checklist": {"checklist": {"title": "To do", "tasks": [{"id": 1, "text": "Ask about the bridge"}]}},
    "game": {"game": {"title": "Ducks", "description": "Catch them", "photo": _PHOTO}},
    "giveaway": {
        "giveaway": {"chats": [_CHAT], "winners_selection_date": 1_800_000_000, "winner_count": 3}
    },
    "paid_media": {"paid_media": {"star_count": 5, "paid_media": [{"type": "preview", **_SIZE}]}},
    "invoice": {
        "invoice": {
            "title": "Tea",
            "description": "A cup",
            "start_parameter": "",
            "currency": "XTR",
            "total_amount": 5,
        }
    },
}  # fmt: skip
