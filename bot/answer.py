"""An answer as Telegram messages: citations and sources are links, everything else is plain text."""

import re
from collections.abc import Iterator, Sequence
from html import escape

from bot.messages import LIMIT, Block, pack, split, units
from bot.words import say
from tg_assistant.core.answers.answers import Done, Source
from tg_assistant.texts import date, text

_CITATION = re.compile(r"\[(\d{1,3}(?:, ?\d{1,3})*)\]")
_NUMBER = re.compile(r"(\d+)")
_TITLE = 200


def messages(done: Done, language: str) -> list[str]:
    """HTML of each message, in order. An abstention is one message that says so and suggests what to do."""
    if done.abstained:
        return ["\n\n".join([say("bot.ask.abstained", language), *_missing(done, language)])]
    links = {source.n: source.url for source in done.sources}
    blocks = [Block(_cited(piece, links), units(piece)) for piece in split(done.answer, LIMIT)]
    notes = [Block(note, units(note), "\n\n") for note in _missing(done, language)]
    return pack([*blocks, *_sources(done.sources, language), *notes])


def _missing(done: Done, language: str) -> list[str]:
    """Notes about services that were away, so that a weak answer is not taken for a complete one."""
    return [say(f"bot.ask.degraded.{part}", language) for part in done.degraded]


def _cited(piece: str, links: dict[int, str]) -> str:
    """Plain text as HTML; the numbers in `[1]` and `[1, 2]` link to their sources."""
    html, at = "", 0
    for match in _CITATION.finditer(piece):
        html += escape(piece[at : match.start()], quote=False)
        for part in _NUMBER.split(match.group()):
            url = links.get(int(part)) if part.isdecimal() else None
            html += f'<a href="{escape(url)}">{part}</a>' if url else part
        at = match.end()
    return html + escape(piece[at:], quote=False)


def _sources(sources: Sequence[Source], language: str) -> Iterator[Block]:
    for position, source in enumerate(sources):
        when = date(source.posted_at, language)
        title = source.channel_title[:_TITLE]
        html = f'{source.n}. <a href="{escape(source.url)}">{escape(title, quote=False)}</a>, {when}'
        plain = f"{source.n}. {title}, {when}"
        if position == 0:  # in one block with the first source, so that no message ends with the heading
            heading = text("bot.ask.sources", language)
            html, plain = f"{heading}\n{html}", f"{heading}\n{plain}"
        yield Block(html, units(plain), "\n" if position else "\n\n")
