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
