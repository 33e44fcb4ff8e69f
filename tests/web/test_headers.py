"""What every answer of the web process carries."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message

from tests.servers import settings_for
from tg_assistant.api.http.path_guard import Doorstep
from tg_assistant.demo.postgres import Postgres
from tg_assistant.settings.groups import Settings, WebSettings
from tg_assistant.web.headers import SecurityHeaders, cache_control, content_security_policy, slash_redirect

NOWHERE = Postgres(*["postgresql://nobody@127.0.0.1/none"] * 4, port=1)


def _settings(**web: object) -> Settings:
    made = settings_for(NOWHERE, "http://127.0.0.1:1", Path())
    return made.model_copy(update={"web": WebSettings().model_copy(update=web)})


async def _page(request: Request) -> Response:
    return PlainTextResponse("x")


async def _strict(request: Request) -> Response:
    return PlainTextResponse("x", headers={"Content-Security-Policy": "default-src 'none'"})


async def _slash(request: Request) -> Response:
    return RedirectResponse("http://inside:8000/tg/app/?a=1")


async def _asset(request: Request) -> Response:
    known = request.path_params["name"] == "known.js"
    return PlainTextResponse("x", 200 if known else 404, media_type="text/javascript")


async def _same(request: Request) -> Response:
    return Response(status_code=304, headers={"ETag": "x"})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    routes = [
        Route("/page", _page),
        Route("/strict", _strict),
        Route("/tg/app", _slash),
        Route("/same", _same),
        Route("/assets/{name}", _asset),
        Route("/{path:path}/", _page),
    ]
    inside = Doorstep(Starlette(routes=routes))
    app = SecurityHeaders(inside, lambda: _settings(public_url="https://ask.example.org"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside:8000") as http:
        yield http


async def test_every_answer_is_framed_by_telegram_only(client: httpx.AsyncClient) -> None:
    """No X-Frame-Options (Telegram Web frames us), a policy instead."""
    headers = (await client.get("/page")).headers
    assert "frame-ancestors 'self' https://web.telegram.org" in headers["content-security-policy"]
    assert "x-frame-options" not in headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" in headers


async def test_an_unchanged_page_keeps_the_policy_it_came_with(client: httpx.AsyncClient) -> None:
    """A browser takes over the headers of a 304: another policy than the page's would stop its scripts."""
    answer = await client.get("/same")
    assert "content-security-policy" not in answer.headers and "cache-control" not in answer.headers


async def test_stricter_policy_of_an_answer_stays(client: httpx.AsyncClient) -> None:
    """The second-screen page brings its own."""
    assert (await client.get("/strict")).headers["content-security-policy"] == "default-src 'none'"


async def test_sdk_comes_from_where_the_settings_say(client: httpx.AsyncClient) -> None:
    """One address in the static build, Telegram's own script behind it."""
    answer = await client.get("/tg-sdk.js")
    assert answer.headers["location"] == "https://telegram.org/js/telegram-web-app.js"


async def test_slash_redirect_names_no_scheme(client: httpx.AsyncClient) -> None:
    """Behind TLS the server would redirect to http, which Telegram Web blocks as mixed content."""
    assert (await client.get("/tg/app")).headers["location"] == "/tg/app/?a=1"
    assert slash_redirect("/a", "https://other.example/b") == "https://other.example/b"


@pytest.mark.parametrize(
    "path",
    [
        *("//evil.example", "//evil.example%2f..%2ftg/app", "//evil.example/%2e%2e/admin", "///evil.example"),
        *("/%2fevil.example", "/%5cevil.example", "/\\evil.example", "/%2F%2Fevil.example/..%2fadmin"),
        *("/tg/../app", "/tg/%2e%2e/app", "/tg/.%2e/app", "/tg/..", "/tg%2f..%5capp", "/assets/..%2f.env"),
    ],
)
async def test_a_redirect_to_another_host(path: str) -> None:
    """A browser would take the first folder for a host: such an address does not exist."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    app = SecurityHeaders(Doorstep(Starlette(routes=[Route("/{path:path}/", _page)])), _settings)
    scope = {"type": "http", "method": "GET", "path": unquote(path), "raw_path": path.encode()}
    await app({**scope, "query_string": b"", "headers": []}, receive, send)
    headers = Headers(raw=sent[0]["headers"])
    assert sent[0]["status"] == 404 and "location" not in headers
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"


async def test_the_slash_is_still_added(client: httpx.AsyncClient) -> None:
    """Dots, two slashes further on and other letters are no other host."""
    for path in ("/page..x", "/a//b", "/caf%C3%A9", "/.well-known"):
        answer = await client.get(httpx.URL(f"http://inside:8000{path}?a=1"))
        assert (answer.status_code, answer.headers["location"]) == (307, f"{path}/?a=1")


def test_a_slash_redirect_has_one_slash_in_front() -> None:
    """Whatever the server in front lets through, the location stays on this host."""
    for path in ("//evil.example", "/\\evil.example", "///evil.example/a"):
        assert slash_redirect(path, f"http://inside{path}/").startswith(("/evil.example", "http://inside/"))


async def test_only_files_that_are_there_are_kept(client: httpx.AsyncClient) -> None:
    """A 404 under /assets/ that is kept for a year would outlive the deploy that brings the file."""
    assert "immutable" in (await client.get("/assets/known.js")).headers["cache-control"]
    assert "immutable" not in (await client.get("/assets/gone.js")).headers["cache-control"]
    for status in (404, 403, 500, 307):
        assert "immutable" not in cache_control("/assets/gone.js", "text/html", status)
    assert "immutable" in cache_control("/assets/known.js", "text/javascript", 206)


def test_own_copy_of_the_sdk_needs_no_foreign_origin() -> None:
    """In the demo the script is ours."""
    assert "telegram.org" in content_security_policy(_settings())
    own = content_security_policy(_settings(sdk_url="/vendor/telegram-web-app.js", frame_ancestors="'self'"))
    assert "telegram.org" not in own
    assert "unsafe-eval" not in own


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/assets/entry-Cuv6UKoY.js", "text/javascript", "public, max-age=31536000, immutable"),
        ("/bridge.js", "text/javascript", "no-cache"),
        ("/tg/app/", "text/html; charset=utf-8", "no-cache"),
        ("/api/users/me", "application/json", "no-store"),
    ],
)
def test_only_hashed_files_are_kept(path: str, kind: str, expected: str) -> None:
    """A deploy is seen at the next open; answers of the API are never stored."""
    assert cache_control(path, kind) == expected


def test_no_inline_script_but_those_of_the_build():
    """Scripts are allowed by hash; only styles, which React sets on elements, stay inline."""
    policy = content_security_policy(_settings(), ["sha256-abc="])
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts.endswith(" 'sha256-abc='") and "unsafe-inline" not in scripts
    assert "sha256" not in content_security_policy(_settings())


async def test_frames_and_origins_come_from_the_settings(client: httpx.AsyncClient) -> None:
    """FRAME_ANCESTORS names who may frame us; the list of origins is fixed and never a star."""
    framed = content_security_policy(_settings(frame_ancestors="https://a.example"))
    assert "frame-ancestors https://a.example;" in framed
    made = WebSettings(public_url="https://ask.example.org", cors_allowed_origins="https://b.example, ")
    assert made.origins() == ["https://ask.example.org", "https://b.example"]
