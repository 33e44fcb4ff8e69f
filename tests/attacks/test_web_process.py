"""The web process from outside: what frameworks leave open, and what pages of other origins may do."""
# ruff: noqa: E501 - lists of paths read best side by side

from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import httpx
import pytest
import socketio
from socketio.exceptions import ConnectionError as Refused

from tests.pages.conftest import Web, frontend, web

__all__ = ["frontend", "web"]
FOREIGN = ("https://evil.example", "null", "http://localhost:1", "file://")
# fmt: off
DEBUG = (
    *(
        "/_upload",
        "/_upload/",
        "/_all_routes",
        "/_debug",
        "/debug",
        "/debug/pprof/",
        "/__debug__/",
        "/console",
    ),
    *("/metrics", "/api/metrics", "/server-status", "/actuator/env", "/_profiler", "/api/debug", "/trace"),
    *("/graphiql", "/api/graphiql", "/playground", "/voyager", "/auth-codespace", "/_reflex", "/__reload__"),
    *("/admin/console", "/socket.io/", "/socket.io/admin", "/_event/admin", "/phpinfo.php", "/wp-login.php"),
)
FILES = (
    *("/.env", "/.git/config", "/.web/env.json", "/rxconfig.py", "/pyproject.toml", "/uv.lock", "/.data/secrets.json"),
    *("/tg_assistant/settings/groups.py", "/../.env", "/..%2f.env", "/%2e%2e/.env", "/assets/..%2f..%2f.env"),
    *("/tg/connect/static/..%2f..%2f..%2fsettings.py", "/docs/static/..%2f..%2fapp.py", "/docs/static/%2e%2e/app.py"),
    *("/tg/connect/static//etc/passwd", "/docs/static/%2fetc%2fpasswd", "//etc/passwd", "/assets/%00", "/%c0%ae/.env"),
    *("/env.json", "/reflex.json", "/backend/zip", "/index.html~", "/sitemap.xml.bak", "/bridge.js.map"),
)
# fmt: on
INSIDE = (
    "Traceback",
    "BOT_TOKEN",
    "JWT_SECRET",
    "DATABASE_URL",
    "root:",
    "[core]",
    "postgresql://",
    "# TYPE",
)


@pytest.fixture
async def http(web: Web) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web.url, trust_env=False, timeout=60) as client:
        yield client


@pytest.mark.parametrize("path", DEBUG + FILES)
async def test_debug_endpoints_and_files(http: httpx.AsyncClient, path: str) -> None:
    """By any method: nothing there, nothing said of the inside, nothing written, no 5xx."""
    url = httpx.URL(scheme="http", host=http.base_url.host, port=http.base_url.port, raw_path=path.encode())
    for method in ("GET", "POST", "PUT", "DELETE", "TRACE", "DEBUG"):
        answer = await http.request(method, url, content=b"x" if method in ("POST", "PUT") else None)
        assert answer.status_code in (301, 307, 308, 400, 403, 404, 405, 415), (method, answer.status_code)
        assert not [word for word in INSIDE if word in answer.text], answer.text[:300]


@pytest.mark.parametrize(
    "path",
    [
        *("//evil.example%2f..%2ftg/app", "//evil.example/%2e%2e/tg/app", "//evil.example%2f..%2fadmin"),
        *("//evil.example", "/%5cevil.example%2f..%2fadmin", "/%2fevil.example%2f%2e%2e%2ftg/app"),
    ],
)
async def test_redirected_to_another_host(http: httpx.AsyncClient, path: str) -> None:
    """No address leads a browser that follows our redirect to a host of the attacker's choice."""
    url = httpx.URL(scheme="http", host=http.base_url.host, port=http.base_url.port, raw_path=path.encode())
    answer = await http.get(url)
    assert answer.status_code == 404 and "location" not in answer.headers
    assert (await http.get("/tg/app")).headers["location"] == "/tg/app/"


@pytest.mark.parametrize("path", ["/api/users/me", "/api/auth/refresh", "/api/auth/resume", "/api/graphql"])
@pytest.mark.parametrize("origin", FOREIGN)
async def test_cors_for_a_foreign_page(http: httpx.AsyncClient, path: str, origin: str) -> None:
    """No page elsewhere is allowed to read an answer, with or without asking first, with or without cookies."""
    for method in ("GET", "POST", "DELETE"):
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization, content-type",
        }
        answers = [
            await http.options(path, headers=asked),
            await http.request(method, path, headers={"Origin": origin, "Cookie": "tga_refresh=x"}),
        ]
        for answer in answers:
            assert answer.status_code < 500
            assert "access-control-allow-origin" not in answer.headers


async def test_cors_for_the_own_origin_alone(http: httpx.AsyncClient, web: Web) -> None:
    """Look-alikes of our own origin get no more than strangers; never a star."""
    own = web.url
    for origin in (
        f"{own}.evil.example",
        f"{own}@evil.example",
        own.upper(),
        f"{own}/",
        f"{own}0",
    ):
        answer = await http.get("/api/users/me", headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") is None, origin
    allowed = (await http.get("/api/users/me", headers={"Origin": own})).headers[
        "access-control-allow-origin"
    ]
    assert allowed == own


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_websocket_of_another_origin(web: Web, origin: str, transport: str) -> None:
    """A page elsewhere opens no socket, by either transport; our own opens the one Reflex uses."""
    facts = {"socketio_path": "/_event", "namespaces": ["/_event"], "transports": [transport]}
    facts["wait_timeout"] = 30  # seconds; its default, one, a busy machine needs to let anybody in
    async with aiohttp.ClientSession() as session:
        client = socketio.AsyncClient(reconnection=False, http_session=session, request_timeout=60)
        with pytest.raises(Refused):
            await client.connect(f"{web.url}?token={uuid4()}", headers={"Origin": origin}, **facts)
        assert not client.connected
        own = socketio.AsyncClient(reconnection=False, http_session=session, request_timeout=60)
        await own.connect(
            f"{web.url}?token={uuid4()}",
            headers={"Origin": web.url},
            **facts | {"transports": ["websocket"]},
        )
        assert own.connected
        await own.disconnect()
