"""The real web process: its policies in a browser, its documentation, and who may call from elsewhere."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Page

FOREIGN = "https://evil.example"
SOCKET = "/_event/?EIO=4&transport=websocket"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture
async def http(web) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web.url, trust_env=False, timeout=60) as client:
        yield client


async def watched(page: Page, url: str, ready: str) -> tuple[list[str], list[str]]:
    """Opens `url`; what the console complained of, and every address asked for."""
    complaints: list[str] = []
    asked: list[str] = []
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(url)
    await page.locator(ready).first.wait_for(timeout=60_000)
    await page.wait_for_timeout(500)
    return complaints, asked


@pytest.mark.parametrize(
    ("path", "ready"), [("/docs", ".opblock"), ("/redoc", "h1:has-text('Telegram Assistant')")]
)
async def test_the_documentation_asks_nobody_else(web, page, path, ready):
    """Swagger UI and Redoc show the API under a policy without eval or foreign origins, unviolated."""
    complaints, asked = await watched(page, web.url + path, ready)
    assert not [line for line in complaints if "policy" in line.lower() or "refused" in line.lower()], (
        complaints
    )
    assert not [url for url in asked if not url.startswith((web.url, "data:", "blob:"))]
    policy = (await page.request.get(web.url + path)).headers["content-security-policy"]
    scripts = re.search(r"script-src ([^;]+)", policy)
    assert scripts and scripts[1] == "'self'" and "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["/", "/tg/app/", "/tg/app/ask/", "/admin/"])
async def test_only_the_builds_own_scripts_run(web, page, path):
    """No 'unsafe-inline': each script inside our pages is allowed by its hash, and an injected one is not."""
    complaints, _ = await watched(page, web.url + path, "body *")
    assert not [line for line in complaints if "policy" in line.lower()], complaints
    policy = (await page.request.get(web.url + path)).headers["content-security-policy"]
    scripts = re.search(r"script-src ([^;]+)", policy)
    assert scripts and "unsafe-inline" not in scripts[1] and "sha256-" in scripts[1]
    injected = """() => { const s = document.createElement("script"); s.textContent = "window.stolen = 1";
        document.body.append(s); const i = document.createElement("img"); i.setAttribute("onerror",
        "window.stolen = 2"); i.src = "data:x"; document.body.append(i); return window.stolen }"""
    assert await page.evaluate(injected) is None
    await page.wait_for_timeout(200)
    assert await page.evaluate("() => window.stolen") is None


async def test_the_document_is_served_as_json(http):
    """Where every client looks for it, and the same as the file in docs/api."""
    answer = await http.get("/openapi.json")
    assert answer.status_code == 200 and answer.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize("path", ["/", "/tg/app/", "/api/users/me", "/docs", "/health", "/api/nothing"])
async def test_every_answer_has_the_headers(http, path):
    """Pages, API and errors alike: no sniffing, no referrer, no camera, framed by whom the settings say."""
    headers = (await http.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in headers["permissions-policy"]
    assert "frame-ancestors" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"]
    if path.startswith(("/api", "/health")):
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/users/me", "/api/auth/refresh", "/api/auth/telegram-webapp", "/ping"])
async def test_a_foreign_page_may_not_call(http, web, path):
    """A preflight from elsewhere gets no permission; one from our own origin does."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin in (FOREIGN, "null", f"{web.url}.evil.example", web.url.replace("http", "https")):
        answer = await http.options(path, headers={"Origin": origin, **asked})
        assert "access-control-allow-origin" not in answer.headers, origin
        assert (answer.status_code, answer.json()["code"]) == (400, "http.cors")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        simple = await http.get(path, headers={"Origin": origin})
        assert "access-control-allow-origin" not in simple.headers
        assert simple.headers.get_list("vary", split_commas=True).count("Origin") == 1
    own = await http.options(path, headers={"Origin": web.url, **asked})
    assert own.headers["access-control-allow-origin"] == web.url
    for method in ("TRACE", "BREW"):
        refused = await http.options(
            path, headers={"Origin": web.url, "Access-Control-Request-Method": method}
        )
        assert (refused.status_code, refused.json()["code"]) == (400, "http.cors")


async def test_a_foreign_page_opens_no_socket(http, web):
    """The websocket is refused before anything is said; our own page gets one."""
    for origin in (FOREIGN, "null", f"{web.url}.evil.example"):
        answer = await http.get(SOCKET, headers={**UPGRADE, "Origin": origin})
        assert answer.status_code in (400, 403), origin
        polling = await http.get("/_event/?EIO=4&transport=polling", headers={"Origin": origin})
        # our pages do not poll, so nobody does
        assert polling.status_code in (400, 403, 404) and '"sid"' not in polling.text


async def test_metrics_are_nowhere_on_the_public_port(http):
    """404 as for any address that does not exist."""
    for path in ("/metrics", "/metrics/"):
        answer = await http.get(path)
        assert answer.status_code == 404 and "# TYPE" not in answer.text
