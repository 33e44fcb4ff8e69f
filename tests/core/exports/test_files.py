"""Files of posts: whole, in order, safe in a spreadsheet, and never more than may be read."""

import csv
import io
import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from tests.corpus import a_channel, a_reader, a_tenant
from tg_assistant.core.exports import files
from tg_assistant.core.exports.files import Form
from tg_assistant.core.retrieval import indexing
from tg_assistant.errors import Invalid, NotFound
from tg_assistant.models import Membership, Post

TEXTS = [f'Пост номер {n} о мосте, с запятой и "кавычками"\nи второй строкой' for n in range(1, 251)]


@pytest.fixture(scope="module")
async def town(rt):
    """A reader, a channel of 250 posts that they follow, and one that they do not follow."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, TEXTS, number=31)
    other = await a_channel(rt, where, ["Секретный мост"], number=32)
    await indexing.index_dirty(rt, where.id)
    return await a_reader(rt, where, 31_001, [channel.id]), channel, other


async def whole(pieces):
    return b"".join([piece async for piece in pieces])


async def test_a_channel_as_json(rt, town):
    """Each post once, the newest first, without deleted ones; a document that any parser reads."""
    anna, channel, _ = town
    async with rt.db.transaction(anna.tenant_id) as db:
        query = select(Post).where(col(Post.channel_id) == channel.id, Post.message_id == 7)
        (await db.exec(query)).one().deleted_at = rt.clock.now()
    rows = json.loads(await whole(files.of_channel(rt, anna, channel.id)))
    assert [row["message_id"] for row in rows] == [n for n in range(250, 0, -1) if n != 7]
    assert rows[0] == {
        "channel": "Channel 31",
        "channel_telegram_id": 31,
        "message_id": 250,
        "url": "https://t.me/channel_31/250",
        "posted_at": rows[0]["posted_at"],
        "edited_at": None,
        "text": TEXTS[-1],
        "links": [],
        "media": None,
        "forwarded_from": None,
        "views": None,
    }


async def test_a_channel_as_csv(rt, town):
    """The same rows, quoted so that commas, quotes and lines of a text stay in its cell."""
    anna, channel, _ = town
    written = (await whole(files.of_channel(rt, anna, channel.id, form=Form.csv))).decode()
    assert written.startswith("\ufeffchannel,")
    rows = list(csv.DictReader(io.StringIO(written[1:], newline="")))
    assert [row["text"] for row in rows] == [TEXTS[n - 1] for n in range(250, 0, -1) if n != 7]


async def test_it_is_made_in_pieces(rt, town):
    """One page of posts at a time is held, however many there are."""
    anna, channel, _ = town
    sizes = [len(piece) async for piece in files.of_channel(rt, anna, channel.id)]
    assert len(sizes) == 4 and max(sizes) < 60_000


@pytest.mark.parametrize("form", list(Form))
async def test_what_a_search_finds(rt, town, form):
    """At most a thousand, of readable channels alone; nothing found is an empty file."""
    anna, *_ = town
    written = (await whole(files.of_search(rt, anna, "мост", mode="exact", form=form))).decode()
    assert written.count("t.me/channel_31/") == 249 and "Секретный" not in written
    nothing = (await whole(files.of_search(rt, anna, "бегемот", mode="exact", form=form))).decode()
    assert (json.loads(nothing) == []) if form is Form.json else nothing.count("\n") == 1
    with pytest.raises(Invalid, match=r"search\.empty"):
        await whole(files.of_search(rt, anna, "?!", form=form))


async def test_what_may_not_be_read(rt, town):
    """Neither a channel one does not follow nor one that does not exist; and none of it half-way."""
    anna, channel, other = town
    for wrong in (other.id, uuid4()):
        with pytest.raises(NotFound, match=r"channels\.not_found"):
            await whole(files.of_channel(rt, anna, wrong))
    pieces = files.of_channel(rt, anna, channel.id)
    await anext(pieces)
    async with rt.db.transaction(anna.tenant_id) as db:
        own = (await db.exec(select(Membership).where(Membership.user_id == anna.user_id))).one()
        own.disabled = True
    with pytest.raises(Exception, match=r"access\.disabled"):
        await whole(pieces)
    async with rt.db.transaction(anna.tenant_id) as db:
        (await db.exec(select(Membership).where(Membership.user_id == anna.user_id))).one().disabled = False


@given(st.text(alphabet="=+-@\t\r\n ＝＠\ufeff\u200bab1\"',;", max_size=8))
def test_no_cell_begins_like_a_formula(text):
    """Whatever a post says: behind spaces and unseen characters the first one starts no formula."""
    shown = files._cell(text)
    assert shown in (text, f"'{text}")
    assert shown.lstrip(" \ufeff\u200b")[:1] not in tuple("=+-@＝＠") or shown == ""
    assert shown[:1] not in ("\t", "\r", "\n")
