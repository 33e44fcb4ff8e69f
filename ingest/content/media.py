"""Each kind of medium: its name, and what a person can read of it. A new class needs a rule."""

from collections.abc import Callable
from typing import Any

from telethon import types

from ingest.content import polls
from ingest.content.entities import said_of
from ingest.content.labels import Part, day, joined, label, part

# Kinds of documents, by the first attribute present: https://core.telegram.org/type/DocumentAttribute
_DOCUMENTS = {
    types.DocumentAttributeSticker: "sticker",
    types.DocumentAttributeCustomEmoji: "sticker",
    types.DocumentAttributeAnimated: "animation",
    types.DocumentAttributeVideo: "video",
    types.DocumentAttributeAudio: "audio",
}
Reader = Callable[[Any], list[Part]]


def kind(media: Any) -> str | None:
    """Return the kind of a message's medium; None without one."""
    if isinstance(media, types.MessageMediaDocument):
        return _document_kind(media)
    return RULES[type(media)][0] if type(media) in RULES else None


def parts(media: Any) -> list[Part]:
    """Return what can be read of a medium."""
    rule = RULES.get(type(media))
    return rule[1](media) if rule else []


def _document_kind(media: types.MessageMediaDocument) -> str:
    if media.voice:
        return "voice"
    if media.round:
        return "video_note"
    attributes = {type(attribute) for attribute in _attributes(media)}
    return next((kind for type_, kind in _DOCUMENTS.items() if type_ in attributes), "document")


def _attributes(media: types.MessageMediaDocument) -> list[Any]:
    return getattr(media.document, "attributes", None) or []


def _nothing(_: Any) -> list[Part]:
    return []


def _document(media: types.MessageMediaDocument) -> list[Part]:
    """Return the name of a file and the title of a piece of music; a voice message has neither."""
    found = list[Part]()
    for each in _attributes(media):
        if isinstance(each, types.DocumentAttributeAudio):
            found += part("audio", joined([each.performer, each.title], " — "))
        elif isinstance(each, types.DocumentAttributeFilename) and _document_kind(media) != "sticker":
            found += part("file", each.file_name)
    return found


def _link(media: types.MessageMediaWebPage) -> list[Part]:
    """Return the preview; its instant view is the site's article, not the post's, and is left to the site."""
    page = media.webpage
    if not isinstance(page, types.WebPage):
        return []
    head = joined([page.site_name, page.title], " — ")
    return part("link", joined([head, page.author, page.description], ". "))


def _contact(media: types.MessageMediaContact) -> list[Part]:
    return part("contact", joined([joined([media.first_name, media.last_name], " "), media.phone_number]))


def _venue(media: types.MessageMediaVenue) -> list[Part]:
    return part("venue", joined([media.title, media.address]))


def _game(media: types.MessageMediaGame) -> list[Part]:
    return part("game", joined([media.game.title, media.game.description], ". "))


def _invoice(media: types.MessageMediaInvoice) -> list[Part]:
    price = f"{media.total_amount / 100:.2f} {media.currency}"
    more = parts(getattr(media.extended_media, "media", None))
    return [*part("invoice", joined([media.title, media.description, price], ". ")), *more]


def _dice(media: types.MessageMediaDice) -> list[Part]:
    return part("dice", f"{media.emoticon} {media.value}" if media.value else media.emoticon)


def _story(media: types.MessageMediaStory) -> list[Part]:
    if not isinstance(media.story, types.StoryItem):
        return []
    caption = types.TextWithEntities(media.story.caption or "", media.story.entities or [])
    return [*part("story", said_of(caption)), *parts(media.story.media)]


def _giveaway(media: types.MessageMediaGiveaway) -> list[Part]:
    like = media.prize_description or ""
    facts = [like, label("prizes", like, n=media.quantity), *_prize(media, like)]
    until = [day("until", like, media.until_date)] if media.until_date else []
    where = [label("countries", like, text=joined(media.countries_iso2))] if media.countries_iso2 else []
    return part("giveaway", joined([*facts, *where, *until]))


def _giveaway_results(media: types.MessageMediaGiveawayResults) -> list[Part]:
    like = media.prize_description or ""
    winners = label("winners", like, n=media.winners_count)
    unclaimed = [label("unclaimed", like, n=media.unclaimed_count)] if media.unclaimed_count else []
    return part("giveaway_results", joined([like, winners, *unclaimed, *_prize(media, like)]))


def _prize(media: Any, like: str) -> list[str]:
    of_each = (("premium_months", media.months), ("stars", media.stars))
    return [label(code, like, n=number) for code, number in of_each if number]


def _paid(media: types.MessageMediaPaidMedia) -> list[Part]:
    price = Part(origin="paid", text=label("paid", "", n=media.stars_amount))
    shown = [parts(getattr(each, "media", None)) for each in media.extended_media]
    return [price, *(one for each in shown for one in each)]


def _poll(media: types.MessageMediaPoll) -> list[Part]:
    attached = [
        media.attached_media,
        *(each.media for each in media.poll.answers),
        media.results.solution_media,
    ]
    return [*polls.poll(media), *(one for each in attached for one in parts(each))]


RULES: dict[type, tuple[str | None, Reader]] = {
    types.MessageMediaEmpty: (None, _nothing),
    types.MessageMediaUnsupported: ("unsupported", _nothing),
    types.MessageMediaPhoto: ("photo", _nothing),
    types.MessageMediaDocument: ("document", _document),
    types.MessageMediaWebPage: ("link", _link),
    types.MessageMediaPoll: ("poll", _poll),
    types.MessageMediaToDo: ("todo", polls.todo),
    types.MessageMediaGeo: ("location", _nothing),
    types.MessageMediaGeoLive: ("location", _nothing),
    types.MessageMediaVenue: ("venue", _venue),
    types.MessageMediaContact: ("contact", _contact),
    types.MessageMediaStory: ("story", _story),
    types.MessageMediaInvoice: ("invoice", _invoice),
    types.MessageMediaGame: ("game", _game),
    types.MessageMediaDice: ("dice", _dice),
    types.MessageMediaGiveaway: ("giveaway", _giveaway),
    types.MessageMediaGiveawayResults: ("giveaway_results", _giveaway_results),
    types.MessageMediaPaidMedia: ("paid", _paid),
    types.MessageMediaVideoStream: ("stream", _nothing),
}
