"""Every error of the API is a problem document, unknown addresses and surprises too."""

import pytest


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api", "/tg/qr/nothing/here", "/qr-auth/zzz", "/api/channels/x"]
)
async def test_unknown_addresses_answer_problems(http, sign_in, path):
    """No address of the API ever shows an HTML page."""
    answer = await http.get(path, headers=await sign_in(8101))
    assert answer.status_code in (404, 405, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= answer.json().keys()


@pytest.mark.parametrize("path", ["/api/users/me", "/api/channels", "/api/posts", "/api/rag/history"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}])
async def test_without_a_token_nothing_is_said(http, path, header):
    """No bearer, a bad one or another scheme: the same 401."""
    answer = await http.get(path, headers=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "access.token")


@pytest.mark.parametrize("path", ["/api/channels", "/api/posts", "/api/rag/history"])
async def test_without_an_invite_nothing_is_read(http, sign_in, path):
    """A signed-in stranger is told to get an invite."""
    answer = await http.get(path, headers=await sign_in(8200))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.no_membership")


async def test_invalid_bodies_name_their_fields_but_not_their_values(http, sign_in):
    """A 422 says which field is wrong without echoing what was sent."""
    answer = await http.post("/api/invites/redeem", json={"code": "S3CRET" * 50}, headers=await sign_in(8201))
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "body.code"
    assert "S3CRET" not in answer.text


async def test_surprises_answer_with_a_reference_and_no_trace(rt):
    """An unforeseen error gives a reference id that stands in the log too, and nothing else."""
    import httpx

    from tg_assistant.api.app import create_api

    def broken():
        raise RuntimeError("hunter2")

    transport = httpx.ASGITransport(create_api(broken), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        answer = await client.get("/api/users/me")
    assert answer.status_code == 500 and answer.json()["reference"] in answer.json()["detail"]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("where", ["api", "around"])
async def test_surprises_are_told_once(where):
    """One line of ours, and nothing for the server to print over again, wherever the error comes from."""
    import httpx
    import structlog

    from tg_assistant.api.app import create_api
    from tg_assistant.api.http.path_guard import Doorstep

    def broken():
        raise RuntimeError("hunter2")

    async def around(scope, receive, send):
        raise RuntimeError("hunter2")

    transport = httpx.ASGITransport(Doorstep(create_api(broken) if where == "api" else around))
    with structlog.testing.capture_logs() as lines:
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            answer = await client.get("/api/users/me")
    assert [line["event"] for line in lines] == ["request.failed"]
    assert (answer.status_code, answer.json()["reference"]) == (500, lines[0]["reference"])
    assert "hunter2" not in answer.text


PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def expect_problem(answer, *statuses):
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert answer.json().keys() >= PROBLEM and answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("prefix", ["/api/tg/qr", "/tg/qr", "/qr-auth"])
async def test_a_wrong_method_is_named_with_the_right_ones(http, prefix):
    """405 with `Allow` at each spelling of a known address, 404 at an unknown one."""
    for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE"):
        answer = await http.request(method, f"{prefix}/start")
        expect_problem(answer, 405)
        assert answer.headers["allow"] == "POST"
    expect_problem(await http.post(f"{prefix}/begin", json={}), 404)
    expect_problem(await http.get(prefix), 404)
    expect_problem(await http.post("/health"), 405)


async def test_every_spelling_of_the_qr_calls_is_the_same_call(http, sign_in):
    """`init` is `start`, at three prefixes: without a membership each says the same."""
    own = await sign_in(8300)
    for prefix in ("/api/tg/qr", "/tg/qr", "/qr-auth"):
        for name in ("start", "init"):
            answer = await http.post(f"{prefix}/{name}", json={}, headers=own)
            expect_problem(answer, 403)
            assert answer.json()["code"] == "access.no_membership"


BODIES = {
    "no JSON": (b"{", "application/json", (422,)),
    "no UTF-8": (b'{"query": "\xff\xfe"}', "application/json", (400, 422)),
    "a form": (b"query=x", "application/x-www-form-urlencoded", (422,)),
    "plain text": (b"x", "text/plain", (422,)),
    "no type": (b'{"query": "x"}', "", (422,)),
    "a list": (b"[]", "application/json", (422,)),
    "deep": (b'{"query":' * 5_000 + b"1" + b"}" * 5_000, "application/json", (400, 422)),
    "a huge number": (b'{"limit": ' + b"9" * 6_000 + b', "query": "x"}', "application/json", (400, 422)),
    "not a number": (b'{"limit": NaN, "query": "x"}', "application/json", (422,)),
    "twice": (b'{"limit": 1, "limit": "x", "query": "x"}', "application/json", (422,)),
    "too long": (b'{"query": "' + b"x" * 1_100_000 + b'"}', "application/json", (413,)),
}


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_is_none_is_refused(http, sign_in, body):
    """Broken, of another type, too deep, too long: a problem document that repeats nothing of it."""
    content, kind, statuses = BODIES[body]
    headers = {**await sign_in(8301), **({"Content-Type": kind} if kind else {})}
    answer = await http.post("/api/rag/query", content=content, headers=headers)
    expect_problem(answer, *statuses)
    assert len(answer.content) < 3_000


async def test_a_body_without_a_length_is_counted(http, sign_in):
    """A stream that never says how long it is ends at the same limit."""

    async def endless():
        for _ in range(200):
            yield b"x" * 10_000

    headers = {**await sign_in(8302), "Content-Type": "application/json"}
    expect_problem(await http.post("/api/rag/query", content=endless(), headers=headers), 413)


PLACES = ["%00", "%ff", "%ed%a0%80", "..%2f..%2fetc", "a" * 3_000, "9" * 400, "%F0%9F%99%82", "{}", "'--"]


@pytest.mark.parametrize("place", PLACES, ids=range(len(PLACES)))
async def test_odd_addresses_answer_problems(http, sign_in, place):
    """NUL, bytes that are no UTF-8, dots and lengths in a path or a query are refused in words."""
    own = await sign_in(8303)
    for path in ("/api/channels/", "/api/users/", "/api/posts/", "/api/nothing/", "/qr-auth/png/", "/tg/qr/"):
        expect_problem(await http.get(path + place, headers=own), 404, 405, 422)
    for path in ("/api/posts?limit=", "/api/posts?channel_id=", "/api/channels?limit="):
        expect_problem(await http.get(path + place, headers=own), 422)


async def test_a_language_is_answered_in(http):
    """Before anybody is known the browser's language counts."""
    answer = await http.get("/api/channels", headers={"Accept-Language": "ru-RU,ru;q=0.9"})
    assert "Ключ доступа" in answer.json()["detail"]
