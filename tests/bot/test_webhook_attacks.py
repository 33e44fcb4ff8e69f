"""The webhook under attack: forged, broken, repeated and reordered calls, each from a raw connection."""

import asyncio
import gzip
import json
import logging
import random
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlmodel import func, select

from bot import webhook
from tests.bot.chat import until
from tests.bot.test_updates import finished, row, written
from tests.bot.test_webhook import SECRET, beating, post, settings
from tg_assistant.core.messaging import inbox
from tg_assistant.models import BotUpdate
from tg_assistant.texts import text

__all__ = ["beating", "post", "settings"]
HEADER = b"X-Telegram-Bot-Api-Secret-Token: "
RIGHT = HEADER + SECRET.encode()
CANARY = "canary-of-a-stranger"
PATH = webhook.PATH.encode()


def call(*headers, body=b"", verb=b"POST", path=PATH, length=None):
    size = str(len(body) if length is None else length).encode()
    lines = [verb + b" " + path + b" HTTP/1.1", b"Host: x", b"Content-Length: " + size, *headers]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body


def an_update():
    return json.dumps(written(CANARY, 4_100_001)).encode()


FORGED = {
    "no secret": call(body=an_update()),
    "an empty one": call(HEADER, body=an_update()),
    "a wrong one": call(HEADER + CANARY.encode(), body=an_update()),
    "the right one and more": call(RIGHT + b"x", body=an_update()),
    "a part of it": call(RIGHT[:-1], body=an_update()),
    "in capitals": call(HEADER + SECRET.upper().encode(), body=an_update()),
    "wrong, then right": call(HEADER + b"wrong", RIGHT, body=an_update()),
    "right, then wrong": call(RIGHT, HEADER + b"wrong", body=an_update()),
    "twice right": call(RIGHT, RIGHT, body=an_update()),
    "a list": call(RIGHT + b", " + SECRET.encode(), body=an_update()),
    "as a parameter": call(path=PATH + b"?secret_token=" + SECRET.encode(), body=an_update()),
    "as Authorization": call(b"Authorization: Bearer " + SECRET.encode(), body=an_update()),
    "as a cookie": call(b"Cookie: secret=" + SECRET.encode(), body=an_update()),
}
BROKEN = {
    "GET": (call(RIGHT, verb=b"GET"), (405,)),
    "HEAD": (call(RIGHT, verb=b"HEAD"), (405,)),
    "PUT": (call(RIGHT, verb=b"PUT", body=an_update()), (405,)),
    "a verb of its own": (call(RIGHT, verb=b"CANARY", body=an_update()), (400, 405)),
    "another path": (call(RIGHT, path=b"/" + CANARY.encode(), body=an_update()), (404,)),
    "a longer path": (call(RIGHT, path=PATH + b"/" + CANARY.encode(), body=an_update()), (404,)),
    "a path that climbs": (call(RIGHT, path=PATH + b"/../.." + PATH, body=an_update()), (404,)),
    "a header that is none": (call(RIGHT, CANARY.encode(), body=an_update()), (400,)),
    "a header with a NUL": (call(RIGHT, b"X: " + CANARY.encode() + b"\0", body=an_update()), (400,)),
    "a header of 20 kB": (call(RIGHT, b"X: " + CANARY.encode() * 1_000, body=an_update()), (400,)),
    "a negative length": (call(RIGHT, body=an_update(), length=-1), (400,)),
    "a length that is none": (call(RIGHT, body=an_update(), length=CANARY), (400,)),
    "no HTTP": (CANARY.encode() + b"\r\n\r\n", (400,)),
    "another protocol": (b"\x16\x03\x01\x02\x00" + CANARY.encode() + b"\r\n\r\n", (400,)),
    "HTTP/9": (b"POST " + PATH + b" HTTP/9.9\r\nHost: x\r\n\r\n", (400,)),
    "both lengths": (call(RIGHT, b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), (400,)),
    "a giant body": (call(RIGHT, body=b'{"update_id": 1, "x": "' + b"x" * 2**21 + b'"}'), (413,)),
    "a bomb": (call(RIGHT, b"Content-Encoding: gzip", body=gzip.compress(b" " * 2**24)), (400,)),
    "packed": (call(RIGHT, b"Content-Encoding: gzip", body=gzip.compress(an_update())), (400,)),
    "packed wrongly": (call(RIGHT, b"Content-Encoding: br", body=CANARY.encode()), (400,)),
    "a long number": (call(RIGHT, body=b'{"update_id": ' + b"9" * 5_000 + b"}"), (400,)),
    "a fraction": (call(RIGHT, body=b'{"update_id": 1.0}'), (400,)),
    "deep": (call(RIGHT, body=b'{"update_id": 1, "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"), (200, 400)),
}


@pytest.fixture
def address(settings):
    split = urlsplit(settings.web.public_url)
    return split.hostname, split.port


async def sent(address, request):
    """The status of the answer; None where the connection was closed without one."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        async with asyncio.timeout(60):
            answer = await reader.read()
    except ConnectionError:
        return None
    finally:
        writer.close()
    return int(answer.split()[1]) if answer else None


async def count(rt):
    async with rt.db.transaction() as db:
        return (await db.exec(select(func.count()).select_from(BotUpdate))).one()


@pytest.fixture
def said(capfd, caplog):
    """What was logged meanwhile, by us and by libraries."""
    caplog.set_level(logging.INFO)

    def words():
        out, err = capfd.readouterr()
        return out + err + caplog.text

    return words


@pytest.mark.parametrize("how", FORGED)
async def test_forged(post, rt, address, said, how):
    """401, nothing is saved, and no word of it stands in a log."""
    before = await count(rt)
    assert await sent(address, FORGED[how]) == 401
    assert await count(rt) == before and CANARY not in said()


@pytest.mark.parametrize("how", BROKEN)
async def test_broken(post, address, said, chat, how):
    """A refusal, never a 5xx; no line quotes it and none is a traceback; the next call is served."""
    request, expected = BROKEN[how]
    assert await sent(address, request) in (*expected, None)
    words = said()
    assert CANARY not in words and "Traceback" not in words
    assert await post(written("/cancel", chat("max").person.id)) == 200


async def test_a_body_that_never_comes(post, address, chat, monkeypatch):
    """It is let go after seconds, with the secret or without; others are served meanwhile."""
    monkeypatch.setattr(webhook, "_READ_SECONDS", 1.0)
    begun = call(RIGHT, length=100)
    slow = [asyncio.create_task(sent(address, request)) for request in [begun] * 50 + [FORGED["no secret"]]]
    assert await post(written("/cancel", chat("max").person.id)) == 200
    assert await asyncio.gather(*slow) == [408] * 50 + [401]


async def test_without_end_before_the_secret_is_known(post, address, chat):
    """A hundred connections that send a header a second or nothing at all keep nobody out."""
    opened = [await asyncio.open_connection(*address) for _ in range(100)]
    for _, writer in opened:
        writer.write(b"POST " + PATH + b" HTTP/1.1\r\nX: y\r\n")
    assert await post(written("/cancel", chat("max").person.id)) == 200
    for _, writer in opened:
        writer.close()


async def test_repeated_and_reordered(post, rt, chat, at_length):
    """Every update many times at once and in any order: each is handled once, a chat's in their order."""
    anna, chance = chat("anna"), random.Random(7)  # to whom no other test writes
    first = await anna.says("/cancel")
    many = [written("/cancel", anna.person.id, message_id=900 + n) for n in range(40 if at_length else 10)]
    again = [each for each in many for _ in range(5)]
    chance.shuffle(again)
    assert set(await asyncio.gather(*(post(each) for each in again))) == {200}
    await finished(rt, *many)
    assert set(await asyncio.gather(*(post(each) for each in again))) == {200}
    answer = text("bot.cancel.nothing", "en")
    assert anna.heard(first.id) == [answer] * len(many)
    for each in many:
        kept = await row(rt, each["update_id"])
        assert kept.done_at and kept.payload == {}


async def test_a_chats_order_is_that_of_its_numbers(post, rt, chat, monkeypatch):
    """What arrives in the wrong order while nothing can be worked on is worked on in the right one."""
    many = [written("/cancel", chat("max").person.id) for _ in range(8)]
    numbers, begun, real = [each["update_id"] for each in many], [], inbox.begin

    async def begin(db, update_id):
        begun.append(update_id)
        return await real(db, update_id)

    monkeypatch.setattr(inbox, "begin", begin)
    async with rt.db.transaction() as db:  # none of them can be seen before all are there
        for each in reversed(many):
            await inbox.save(db, [each])
    await finished(rt, *many)
    assert [number for number in begun if number in numbers] == numbers


async def test_postgresql_goes_in_the_middle(post, rt, chat, database, monkeypatch):
    """Its connections are cut while an update is being saved: 503; it comes again, and is saved once."""
    update, real, cut = written("/cancel", chat("max").person.id), inbox.save, []

    async def save(db, received):
        if not cut:
            cut.append(True)
            with psycopg.connect(database.admin_url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        return await real(db, received)

    monkeypatch.setattr(webhook.inbox, "save", save)
    assert await post(update) == 503

    async def again():
        return await post(update) == 200

    assert await until(again)
    await finished(rt, update)
