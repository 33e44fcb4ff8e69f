"""Search and adding as attackers use them: generated queries, and addresses that are never called."""

import asyncio
import random
import socket
from contextlib import contextmanager

import pytest

from tests.corpus import a_channel, a_reader, a_tenant
from tests.followed import account
from tg_assistant.core.access import sign_in as core_sign_in

PARTS = [
    *(
        "мост",
        "bridge",
        "&",
        "|",
        "!",
        "<->",
        "<2>",
        ":*",
        ":A",
        "'",
        '"',
        "\\",
        "(",
        ")",
        "-",
        "or",
        "AND",
        "%",
        "_",
    ),
    *(
        "\x00",
        "\u202e",
        "«",
        "»",
        "“",
        "ё",
        "漢",
        "🙂",
        "'; DROP TABLE posts; --",
        "${7*7}",
        "{{7*7}}",
        "*",
        "?",
        "\t",
    ),
]
# What a server that fetches what it is given would be sent to; none of it may cause a single connection.
ADDRESSES = [
    *(
        "http://127.0.0.1:{port}/",
        "https://localhost:{port}/x",
        "http://0x7f000001:{port}",
        "http://[::1]:{port}/",
    ),
    *(
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_x",
        "//127.0.0.1:{port}",
    ),
    *(
        "https://t.me@127.0.0.1:{port}/durov",
        "https://t.me.127.0.0.1.nip.io/x",
        "http://127.0.0.1:{port}/t.me/durov",
    ),
    *(
        "tg://resolve?domain=http://127.0.0.1:{port}",
        "https://t.me/%2f%2f127.0.0.1:{port}",
        "ftp://127.0.0.1:{port}/a",
    ),
]


@pytest.fixture(scope="module")
async def reader(rt, sign_in):
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, ["Мост & бридж | «кавычки» 100% _x_", "Second <b>bridge</b> post."])
    actor = await a_reader(rt, where, 8_300_001, [channel.id])
    async with rt.db.transaction(where.id) as db:
        await account(db, await core_sign_in.actor(db, actor.user_id, door="test"))
    return await sign_in(8_300_001)


async def test_two_hundred_generated_queries(http, reader):
    """Operators, quotes and code in any order: an answer or one of two refusals, in both languages' modes."""
    dice = random.Random(7)  # the same queries each run
    for _ in range(200):
        query = " ".join(dice.choices(PARTS, k=dice.randint(1, 12)))
        asked = {"q": query, "mode": dice.choice(["exact", "exact", "hybrid"])}
        answer = await http.get("/api/search", params=asked, headers=reader)
        assert answer.status_code in (200, 422), (query, answer.text)
        assert answer.status_code == 200 or answer.json()["code"] == "search.empty", (query, answer.text)


@contextmanager
def _listening():
    """A server that counts who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


async def test_no_address_is_ever_called(http, reader, monkeypatch):
    """Adding a channel by an address parses it: no request, no name looked up, whatever stands in it."""
    looked_up = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *facts, **_: looked_up.append(facts) or [])
    with _listening() as server:
        for address in ADDRESSES:
            link = address.format(port=server.getsockname()[1])
            for field in ("link", "username"):
                answer = await http.post("/api/channels", json={field: link}, headers=reader)
                assert answer.status_code in (404, 422), (link, answer.text)
        await asyncio.sleep(0.1)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert [facts for facts in looked_up if "127.0.0.1" not in str(facts[0])] == []
