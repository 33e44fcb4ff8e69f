"""What other origins are told: problems in the API's own form, and what an answer varies with once."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tg_assistant.api.http.cors import CrossOrigin

OWN = "https://ask.example.org"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


async def _page(request: Request) -> Response:
    status = 400 if request.method == "OPTIONS" else 200
    return PlainTextResponse("x", status, headers={"Vary": "Accept, origin"})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Three layers, as Reflex makes them."""
    app = Starlette(routes=[Route("/page", _page, methods=["GET", "OPTIONS"])])
    for _ in range(3):
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[OWN],
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization"],
        )
    transport = httpx.ASGITransport(CrossOrigin(app))
    async with httpx.AsyncClient(transport=transport, base_url=OWN) as http:
        yield http


@pytest.mark.parametrize(
    "asked",
    [
        {"Origin": "https://evil.example", **ASKED},
        {"Origin": "null", **ASKED},
        {"Origin": OWN, **ASKED, "Access-Control-Request-Method": "BREW"},
        {"Origin": OWN, **ASKED, "Access-Control-Request-Headers": "x-mine"},
    ],
)
async def test_a_refused_preflight_is_a_problem(client: httpx.AsyncClient, asked: dict[str, str]) -> None:
    """400 with our code in the browser's language, and no permission of any kind."""
    answer = await client.options("/page", headers={**asked, "Accept-Language": "ru"})
    assert answer.status_code == 400 and answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["code"], said["status"], said["instance"]) == ("http.cors", 400, "/page")
    assert "методом" in said["detail"]
    assert not [name for name in answer.headers if name.startswith("access-control-allow")]
    assert "Origin" in answer.headers["vary"]


async def test_a_good_preflight_and_others_pass(client: httpx.AsyncClient) -> None:
    """Permission for our own origin; an OPTIONS that is no preflight is the route's."""
    good = await client.options("/page", headers={"Origin": OWN, **ASKED})
    assert good.status_code == 200 and good.headers["access-control-allow-origin"] == OWN
    plain = await client.options("/page", headers={"Origin": OWN})
    assert (plain.status_code, plain.text) == (400, "x")


@pytest.mark.parametrize("origin", [OWN, "https://evil.example", None])
async def test_vary_is_said_once(client: httpx.AsyncClient, origin: str | None) -> None:
    """However many layers add to it."""
    answer = await client.get("/page", headers={"Origin": origin} if origin else {})
    names = [name.strip().lower() for name in answer.headers["vary"].split(",")]
    assert sorted(names) == ["accept", "origin"] and answer.headers.get_list("vary") == [
        answer.headers["vary"]
    ]
