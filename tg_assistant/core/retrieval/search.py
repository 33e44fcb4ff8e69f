"""Search of posts by exact words, by meaning, or both, over the channels this person may read."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Unpack
from uuid import UUID

from sqlalchemy import ColumnElement, column, func, literal_column, select, table
from sqlmodel import col

from tg_assistant.core import pagination
from tg_assistant.core.access import rate_limits
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.channels import channels
from tg_assistant.core.posts import formatting, posts
from tg_assistant.core.posts.posts import ShownPost
from tg_assistant.core.retrieval import hybrid, snippets
from tg_assistant.core.retrieval.passages import Place
from tg_assistant.core.retrieval.scope import Wanted, scope
from tg_assistant.core.retrieval.snippets import Piece
from tg_assistant.errors import Invalid, Unavailable
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Post

Mode = Literal["hybrid", "exact", "semantic"]
MAX_QUERY = 500  # characters; even as a single word under the 2,046 bytes that PostgreSQL accepts
MAX_PAGE = 100
_searchable = table("searchable_posts", column("id"), column("tsv"))  # see migrations/rls.py
DEPTH = 200  # most posts of a ranked list; lower ranks have nothing to do with the query
_NO_OPERATOR = re.compile(r'-(?![\w"])')
# The index's normalisation of texts (models.posts), except that quotation marks of any kind enclose a phrase.
_PLAIN = str.maketrans("ёЁ«»„“”‘’–—…№", 'еЕ"""""      ')


@dataclass(frozen=True)
class Hit:
    """A post found. `score` is None in mode `exact`, whose order is the newest first.

    `cursor` continues the list after this hit. `also` are the places of forwards and copies.
    """

    shown: ShownPost
    score: float | None
    extract: list[Piece]
    cursor: str
    also: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Results:
    """A page of hits. `degraded`: meaning could not be searched, so only posts with the words are listed."""

    items: list[Hit]
    next_cursor: str | None
    degraded: bool = False


async def search(
    rt: Runtime,
    actor: Actor,
    query: str,
    *,
    mode: Mode = "hybrid",
    cursor: str | None = None,
    **wanted: Unpack[Wanted],
) -> Results:
    """Return posts for `query`: the best first, or with mode `exact` those with all its words, newest first.

    `exact` supports "a phrase", -without and or. Raises Invalid (no words, too long, a bad cursor),
    LimitReached (the rate of searches, or too many at once), and Unavailable when the process is at capacity
    or, with mode `semantic`, when vectors cannot be searched.
    """
    actor.require()
    plain = checked(query)
    with suppress(Unavailable):  # without Redis searches are not counted: they cannot guess a secret
        await rate_limits.spend(rt, Rule.search, user_id=actor.user_id)
    for name in ("since", "until"):
        moment = wanted.get(name)
        if isinstance(moment, datetime) and moment.tzinfo is None:
            wanted[name] = moment.replace(tzinfo=UTC)
    limit = max(1, min(wanted.get("limit", 20), MAX_PAGE))
    rt.turns.check_room(actor.user_id)
    async with rt.turns.turn(actor.user_id):
        if mode == "exact":
            return await _exact(rt, actor, plain, wanted, (limit, cursor))
        (offset,) = pagination.decode(cursor, _rank) or (0,)
        return await _ranked(rt, actor, plain, wanted, (mode, limit, offset))


async def newest(rt: Runtime, actor: Actor, query: str, *, limit: int = 50) -> list[ShownPost]:
    """Return the newest posts with all the words of `query`, as mode `exact` does, without counting a search.

    Raises Invalid for no words or too many, LimitReached and Unavailable as `search` does.
    """
    actor.require()
    plain = checked(query)
    rt.turns.check_room(actor.user_id)
    async with rt.turns.turn(actor.user_id), rt.db.transaction(actor.tenant) as db:
        readable = await channels.readable_ids(db, actor)
        statement = scoped(Post, actor).where(*_conditions(readable, plain, {}))
        found = await pagination.page(db, statement, posts.NEWEST, limit=limit, cursor=None)
        return await posts.among(db, actor, [post.id for post in found.items])


def checked(query: str) -> str:
    """Return the query as it is searched for. Raises Invalid for no words or too many characters."""
    # PostgreSQL text can store neither lone surrogates nor NUL
    plain = query.encode("utf-8", "ignore").decode().replace("\x00", " ").strip()
    if not any(character.isalnum() for character in plain):
        raise Invalid("search.empty")
    if len(plain) > MAX_QUERY:
        raise Invalid("search.too_long", max=MAX_QUERY)
    return plain


# ── Exact words ──────────────────────────────────────────────────────────────


async def _exact(
    rt: Runtime, actor: Actor, query: str, wanted: Wanted, page: tuple[int, str | None]
) -> Results:
    limit, cursor = page
    async with rt.db.transaction(actor.tenant) as db:
        readable = await channels.readable_ids(db, actor, wanted.get("channel_ids"))
        statement = scoped(Post, actor).where(*_conditions(readable, query, wanted))
        found = await pagination.page(db, statement, posts.NEWEST, limit=limit, cursor=cursor)
        shown = await posts.among(db, actor, [post.id for post in found.items])
    marked = await _marked(rt, shown, query)
    hits = [
        Hit(one, None, extract, posts.cursor_of(one.post)) for one, extract in zip(shown, marked, strict=True)
    ]
    return Results(hits, found.next_cursor)


def _conditions(readable: Sequence[UUID], query: str, wanted: Wanted) -> list[ColumnElement[bool]]:
    russian = literal_column("'russian'::regconfig")
    # "-" is an operator only before a word or a phrase; PostgreSQL fails on a long sequence of them
    plain = _NO_OPERATOR.sub(" ", query.translate(_PLAIN))
    tsquery = func.websearch_to_tsquery(russian, plain)
    matching = col(Post.id).in_(select(_searchable.c.id).where(_searchable.c.tsv.op("@@")(tsquery)))
    return [*scope(readable, wanted).conditions(), matching]


# ── By meaning, and by both ──────────────────────────────────────────────────


async def _ranked(
    rt: Runtime, actor: Actor, query: str, wanted: Wanted, page: tuple[Mode, int, int]
) -> Results:
    mode, limit, offset = page
    found = await hybrid.search(rt, actor, query, {**wanted, "limit": DEPTH})
    passages = found.passages
    if mode == "semantic":
        if found.degraded:
            raise Unavailable("vectors.unavailable", retry_after=5)
        near = [(passage.cosine, passage) for passage in passages if passage.cosine is not None]
        passages = [passage for _, passage in sorted(near, key=lambda one: -one[0])]
    here = enumerate(passages[offset : offset + limit], offset + 1)
    ranked = {passage.place.post_id: (n, passage) for n, passage in here}
    async with rt.db.transaction(actor.tenant) as db:
        shown = await posts.among(db, actor, list(ranked))
    hits = []
    for one, extract in zip(shown, await _marked(rt, shown, query), strict=True):
        n, passage = ranked[one.post.id]
        score = passage.cosine if mode == "semantic" else passage.score
        hits.append(Hit(one, score, extract, cursor_at(n), passage.also))
    more = len(passages) > offset + limit
    return Results(hits, cursor_at(offset + limit) if more else None, found.degraded)


async def _marked(rt: Runtime, shown: Sequence[ShownPost], query: str) -> list[list[Piece]]:
    """Return the extract of each post."""
    return [await rt.texts.run(snippets.extract, formatting.unjoined(one.post.said), query) for one in shown]


def cursor_at(offset: int) -> str:
    """Return the cursor of a ranked list after its first `offset` posts."""
    return pagination.encode(offset)


def _rank(text: str) -> int:
    offset = int(text)
    if not 0 <= offset <= DEPTH:
        raise ValueError("beyond any ranked list")
    return offset
