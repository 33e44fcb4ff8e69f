"""The blocks of a rich message as text with entities: headings, paragraphs, lists, tables, captions.

Source: https://core.telegram.org/type/PageBlock
"""

from collections.abc import Callable, Iterable
from typing import Any

from telethon import types

from ingest.content.rich_text import Written
from tg_assistant.core.posts.formatting import Entity, said

Writer = Callable[[Written, Any], None]
LEFT_OUT: dict[type, str] = {
    types.PageBlockAnchor: "a place for links inside the page, without text",
    types.PageBlockDivider: "a line without text",
    types.PageBlockThinking: "shown only while a bot's answer is being written; no part of it",
    types.PageBlockUnsupported: "Telegram sends nothing of it",
}


def rich_message(message: types.RichMessage) -> tuple[str, list[Entity]]:
    """Return the text and entities of a rich message."""
    written = Written()
    _blocks(written, message.blocks)
    text = written.text.rstrip("\n")
    return text, sorted(written.entities, key=lambda entity: (entity["offset"], -entity["length"]))


def _blocks(written: Written, blocks: Iterable[Any]) -> None:
    """Write blocks, each in lines of its own; unknown classes are nothing."""
    for block in blocks:
        written.line()
        _block(written, block)


def _block(written: Written, block: Any) -> None:
    if (write := BLOCKS.get(type(block))) is not None:
        with written.within(None):
            write(written, block)


def _text(written: Written, block: Any) -> None:
    written.rich(block.text)


def _heading(written: Written, block: Any) -> None:
    with written.within("bold"):
        written.rich(block.text)


def _preformatted(written: Written, block: types.PageBlockPreformatted) -> None:
    with written.within("pre", language=block.language):
        written.rich(block.text)


def _quote(written: Written, block: Any) -> None:
    collapsed = getattr(block, "collapsed", None)
    with written.within("expandable_blockquote" if collapsed else "blockquote"):
        if isinstance(block, types.PageBlockBlockquoteBlocks):
            _blocks(written, block.blocks)
        else:
            written.rich(block.text)
    written.line()
    written.rich(block.caption)


def _caption(written: Written, block: Any) -> None:
    written.rich(block.caption.text)
    written.line()
    written.rich(block.caption.credit)


def _linked(written: Written, block: types.PageBlockEmbed | types.PageBlockPhoto) -> None:
    """Write a caption that leads where its picture does, or the address of a picture without one."""
    start = written.units
    with written.within("text_link", url=block.url):
        _caption(written, block)
        if block.url and written.units == start:
            written.add(block.url)


def _embed_post(written: Written, block: types.PageBlockEmbedPost) -> None:
    with written.within("text_link", url=block.url):
        written.add(block.author)
    _blocks(written, block.blocks)
    written.line()
    _caption(written, block)


def _items(written: Written, block: types.PageBlockCollage | types.PageBlockSlideshow) -> None:
    _blocks(written, block.items)
    written.line()
    _caption(written, block)


def _list(written: Written, block: types.PageBlockList | types.PageBlockOrderedList) -> None:
    first = getattr(block, "start", None) or 1
    for n, item in enumerate(block.items, first):
        written.line()
        written.add(_mark(item, n, ordered=isinstance(block, types.PageBlockOrderedList)))
        if isinstance(item, types.PageListItemText | types.PageListOrderedItemText):
            written.rich(item.text)
        else:
            _block(written, item.blocks[0] if item.blocks else None)  # beside its mark
            _blocks(written, item.blocks[1:])


def _mark(item: Any, n: int, *, ordered: bool) -> str:
    box = ("☑ " if item.checked else "☐ ") if item.checkbox else ""
    number = f"{item.num or item.value or n}. " if ordered else "" if box else "• "
    return number + box


def _table(written: Written, block: types.PageBlockTable) -> None:
    """Write a table: each row names the columns, so that it is understood alone."""
    written.rich(block.title)
    names = list[str]()
    for row in block.rows:
        written.line()
        if row.cells and all(cell.header for cell in row.cells):
            names = [_plain(cell.text) for cell in row.cells]
            written.add(" | ".join(names))
            continue
        for n, cell in enumerate(row.cells):
            written.add((" | " if n else "") + (f"{names[n]}: " if n < len(names) and names[n] else ""))
            written.rich(cell.text)


def _plain(text: Any) -> str:
    written = Written()
    written.rich(text)
    return said(written.text, written.entities)


def _details(written: Written, block: types.PageBlockDetails) -> None:
    _heading_of(written, block.title)
    _blocks(written, block.blocks)


def _heading_of(written: Written, title: Any) -> None:
    with written.within("bold"):
        written.rich(title)
    written.line()


def _related(written: Written, block: types.PageBlockRelatedArticles) -> None:
    _heading_of(written, block.title)
    for article in block.articles:
        written.line()
        with written.within("text_link", url=article.url):
            written.add(article.title or article.url)
        for more in (article.author, article.description):
            written.add(f" — {more}" if more else "")


def _author(written: Written, block: types.PageBlockAuthorDate) -> None:
    written.rich(block.author)
    if block.published_date:
        written.add(f", {block.published_date:%Y-%m-%d}")


def _buttons(written: Written, block: types.PageBlockButtonRow) -> None:
    for n, button in enumerate(block.buttons):
        written.add(" | " if n else "")
        with written.within("text_link", url=getattr(button.type, "url", None)):
            written.rich(button.text)


def _channel(written: Written, block: types.PageBlockChannel) -> None:
    name = getattr(block.channel, "username", None)
    with written.within("text_link", url=f"https://t.me/{name}" if name else None):
        written.add(getattr(block.channel, "title", ""))


def _math(written: Written, block: types.PageBlockMath) -> None:
    with written.within("code"):
        written.add(block.source)


def _named(write: Writer, *names: str) -> dict[type, Writer]:
    return {getattr(types, f"PageBlock{name}"): write for name in names}


BLOCKS: dict[type, Writer] = {
    **_named(_text, "Paragraph", "Footer"),
    **_named(_heading, "Title", "Subtitle", "Kicker", "Header", "Subheader"),
    **_named(_heading, *(f"Heading{n}" for n in range(1, 7))),
    **_named(_caption, "Audio", "Document", "Map", "Video"),
    **_named(_linked, "Embed", "Photo"),
    types.PageBlockPreformatted: _preformatted,
    types.PageBlockBlockquote: _quote,
    types.PageBlockBlockquoteBlocks: _quote,
    types.PageBlockPullquote: _quote,
    types.PageBlockEmbedPost: _embed_post,
    types.PageBlockCollage: _items,
    types.PageBlockSlideshow: _items,
    types.PageBlockCover: lambda written, block: _blocks(written, [block.cover]),
    types.PageBlockList: _list,
    types.PageBlockOrderedList: _list,
    types.PageBlockTable: _table,
    types.PageBlockDetails: _details,
    types.PageBlockRelatedArticles: _related,
    types.PageBlockAuthorDate: _author,
    types.PageBlockButtonRow: _buttons,
    types.PageBlockMath: _math,
    types.PageBlockChannel: _channel,
}
