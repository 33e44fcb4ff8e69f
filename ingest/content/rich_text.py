"""Rich texts as a plain text with entities: https://core.telegram.org/type/RichText."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from telethon import types

from tg_assistant.core.posts.formatting import STRUCK, Entity

DEEPEST = 60  # levels of nesting; deeper ones no client shows

# Rich texts that hold one text, by the kind of entity it becomes; None: the text alone
SPANS: dict[type, str | None] = {
    types.TextBold: "bold",
    types.TextItalic: "italic",
    types.TextUnderline: "underline",
    types.TextStrike: STRUCK,
    types.TextSpoiler: "spoiler",
    types.TextFixed: "code",
    types.TextUrl: "text_link",
    types.TextEmail: "text_link",
    types.TextPhone: "phone_number",
    types.TextAutoUrl: "url",
    types.TextAutoEmail: "email",
    types.TextAutoPhone: "phone_number",
    types.TextMention: "mention",
    types.TextMentionName: "text_mention",
    types.TextHashtag: "hashtag",
    types.TextCashtag: "cashtag",
    types.TextBotCommand: "bot_command",
    types.TextButton: "text_link",
    types.TextAnchor: None,
    types.TextBankCard: None,
    types.TextDate: None,
    types.TextDiff: None,  # the new words; the old ones are not said any more
    types.TextMarked: None,
    types.TextSubscript: None,
    types.TextSuperscript: None,
}
LEAVES: dict[type, Callable[[Any], str]] = {
    types.TextPlain: lambda text: text.text,
    types.TextEmpty: lambda _: "",
    types.TextCustomEmoji: lambda text: text.alt,
    types.TextMath: lambda text: text.source,
    types.TextImage: lambda _: "",  # a picture in the line
}


class Written:
    """A text as it is written, with its entities, in UTF-16 units."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.units = self._depth = 0
        self.entities: list[Entity] = []

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def add(self, text: str) -> None:
        if text:
            self._pieces.append(text)
        self.units += len(text.encode("utf-16-le", "surrogatepass")) // 2

    def line(self) -> None:
        """Begin a new line, unless at the beginning of one."""
        if self._pieces and not self._pieces[-1].endswith("\n"):
            self.add("\n")

    @contextmanager
    def within(self, kind: str | None, **facts: str | None) -> Generator[None]:
        """Make an entity of what is written inside; its line break is left out."""
        start = self.units
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("a text nested too deeply")
        yield
        self._depth -= 1
        length = self.units - start - (self._pieces[-1:] == ["\n"])
        if kind and length > 0:
            more = {name: value for name, value in facts.items() if value}
            self.entities.append({"kind": kind, "offset": start, "length": length, **more})

    def rich(self, text: Any) -> None:
        """Write a RichText; None and unknown classes are nothing."""
        if isinstance(text, types.TextConcat):
            with self.within(None):
                for each in text.texts:
                    self.rich(each)
        elif (leaf := LEAVES.get(type(text))) is not None:
            self.add(leaf(text))
        elif type(text) in SPANS:
            with self.within(SPANS[type(text)], url=_url(text)):
                self.rich(text.text)


def _url(text: Any) -> str | None:
    if isinstance(text, types.TextEmail):
        return f"mailto:{text.email}"
    if isinstance(text, types.TextUrl):
        return text.url
    return getattr(text.type, "url", None) if isinstance(text, types.TextButton) else None
