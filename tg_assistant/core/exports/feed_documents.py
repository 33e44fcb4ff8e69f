"""Feeds as documents: RSS 2.0 and Atom (RFC 4287)."""

import io
import re
from collections.abc import Callable
from email.utils import format_datetime
from enum import StrEnum
from html import escape
from xml.sax.saxutils import XMLGenerator  # nosec B406
from xml.sax.xmlreader import AttributesImpl  # nosec B406

from tg_assistant.core.exports.feeds import Fetched
from tg_assistant.core.posts.posts import ShownPost

_TITLE = 100  # characters of a post's first line
# what XML 1.0 cannot hold, however it is written: https://www.w3.org/TR/xml/#charsets
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class FeedForm(StrEnum):
    """The form of a feed's document."""

    rss = "rss"
    atom = "atom"


MEDIA = {FeedForm.rss: "application/rss+xml", FeedForm.atom: "application/atom+xml"}


def document(fetched: Fetched, form: FeedForm) -> bytes:
    """Return the document in UTF-8. The private address is not in it: readers share what they read."""
    xml = _Xml()
    (_rss if form is FeedForm.rss else _atom)(xml, fetched)
    return xml.written()


class _Xml:
    """A document being written; every text in it is escaped and holds only what XML can."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        self._to = XMLGenerator(self._out, encoding="utf-8", short_empty_elements=True)
        self._to.startDocument()

    def inside(self, name: str, write: Callable[[], None], **attributes: str) -> None:
        self._to.startElement(name, AttributesImpl({key: _clean(one) for key, one in attributes.items()}))
        write()
        self._to.endElement(name)

    def text(self, name: str, value: str, **attributes: str) -> None:
        self.inside(name, lambda: self._to.characters(_clean(value)), **attributes)

    def written(self) -> bytes:
        self._to.endDocument()
        return self._out.getvalue()


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


def _rss(xml: _Xml, fetched: Fetched) -> None:
    """Source: https://www.rssboard.org/rss-specification."""

    def channel() -> None:
        xml.text("title", fetched.title)
        xml.text("link", "https://t.me/")
        xml.text("description", fetched.title)
        xml.text("language", fetched.language)
        xml.text("lastBuildDate", format_datetime(fetched.changed_at))
        for shown in fetched.posts:
            xml.inside("item", lambda shown=shown: _item(xml, shown))

    xml.inside("rss", lambda: xml.inside("channel", channel), version="2.0")


def _item(xml: _Xml, shown: ShownPost) -> None:
    xml.text("title", _title(shown))
    xml.text("link", shown.url)
    xml.text("guid", shown.post.id.urn, isPermaLink="false")
    xml.text("pubDate", format_datetime(shown.post.posted_at))
    xml.text("category", shown.channel.title)
    xml.text("description", _html(shown.post.text))


def _atom(xml: _Xml, fetched: Fetched) -> None:
    def feed() -> None:
        xml.text("id", fetched.id.urn)
        xml.text("title", fetched.title)
        xml.text("updated", fetched.changed_at.isoformat())
        for shown in fetched.posts:
            xml.inside("entry", lambda shown=shown: _entry(xml, shown))

    named = {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": fetched.language}
    xml.inside("feed", feed, **named)


def _entry(xml: _Xml, shown: ShownPost) -> None:
    xml.text("id", shown.post.id.urn)
    xml.text("title", _title(shown))
    xml.inside("link", lambda: None, href=shown.url)
    xml.text("published", shown.post.posted_at.isoformat())
    xml.text("updated", (shown.post.edited_at or shown.post.posted_at).isoformat())
    xml.inside("author", lambda: xml.text("name", shown.channel.title))
    xml.text("content", _html(shown.post.text), type="html")


def _title(shown: ShownPost) -> str:
    """The post's first line with words; of a post without any its kind, such as "photo"."""
    lines = (line.strip() for line in shown.post.text.split("\n"))
    first = next((line for line in lines if line), shown.post.media or shown.channel.title)
    return first if len(first) <= _TITLE else f"{first[: _TITLE - 1].rstrip()}…"


def _html(text: str) -> str:
    """The text as HTML, which feed readers show: the post's own characters are no markup."""
    return escape(text).replace("\n", "<br>\n")
