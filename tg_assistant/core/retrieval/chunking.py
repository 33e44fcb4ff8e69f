"""Splitting posts into chunks, each of which gets a vector. Long posts are cut between sentences."""

from tg_assistant.core.understanding.sentence_split import spans

LIMIT = 900  # characters: about 250 tokens, half of the embedding model's maximum, and still one topic


def chunks(text: str, limit: int = LIMIT) -> list[str]:
    """Return chunks of at most `limit` characters; each begins with the last sentence of the previous one.

    That sentence is left out where it does not fit. Returns nothing for a post without words.
    """
    if len(text.strip()) <= limit:
        return [text.strip()] if any(character.isalnum() for character in text) else []
    pieces: list[tuple[int, int]] = []
    begin = last = 0
    parts = [part for span in spans(text) for part in _cut(text, span, limit)]
    for start, end in parts:
        if pieces and end - begin <= limit:
            pieces[-1] = (begin, end)
        else:
            begin = last if pieces and end - last <= limit else start
            pieces.append((begin, end))
        last = start
    return [text[start:end] for start, end in pieces]


def _cut(text: str, span: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    """Cut a sentence longer than a chunk at spaces; others are returned whole."""
    start, end = span
    parts = []
    while end - start > limit:
        space = text.rfind(" ", start + limit // 2, start + limit)
        stop = space if space > 0 else start + limit
        parts.append((start, stop))
        start = stop + (space > 0)
    return [*parts, (start, end)]
