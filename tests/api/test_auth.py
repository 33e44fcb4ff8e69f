"""Sign-in, refresh and sign-out over HTTP."""

from tests.people import init_data

USER = {"id": 8001, "first_name": "Анна", "language_code": "ru"}


async def post(http, data):
    return await http.post("/api/auth/telegram-webapp", json={"init_data": data})


async def test_sign_in_gives_a_token_a_secret_and_a_narrow_cookie(http):
    """The refresh cookie never reaches the websocket: its path is the sign-in calls' alone."""
    answer = await post(http, init_data(USER, start_param="inv_X"))
    body, cookie = answer.json(), answer.headers["set-cookie"]
    assert (body["token_type"], body["expires_in"], body["start_param"]) == ("bearer", 1800, "inv_X")
    for part in ("Path=/api/auth", "HttpOnly", "Secure", "SameSite=None", "Partitioned"):
        assert part in cookie
    assert body["resume_secret"] not in cookie


async def test_init_data_is_taken_from_the_header_too(http):
    """`Authorization: tma <initData>` serves clients that send no body."""
    data = init_data({**USER, "id": 8002})
    answer = await http.post("/api/auth/telegram-webapp", headers={"Authorization": f"tma {data}"})
    assert answer.json()["telegram_id"] == 8002


async def test_bad_init_data_is_one_problem_document(http):
    """Old, bent and repeated init data answer 401 in the reader's language, without a trace."""
    good = init_data({**USER, "id": 8003})
    assert (await post(http, good)).status_code == 200
    for bad in (good, init_data(USER, auth_date="1"), good[:-1], "x" * 16_000, "%%%"):
        answer = await http.post(
            "/api/auth/telegram-webapp", json={"init_data": bad}, headers={"Accept-Language": "ru"}
        )
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Откройте приложение из бота" in answer.json()["detail"]


async def test_refresh_rotates_and_checks_the_origin(http):
    """A page of another origin cannot refresh, the own one can, once per token."""
    first = (await post(http, init_data({**USER, "id": 8004}))).cookies["tga_refresh"]
    http.cookies.clear()
    cookie = {"Cookie": f"tga_refresh={first}"}
    foreign = await http.post("/api/auth/refresh", headers={**cookie, "Origin": "https://evil.example"})
    assert foreign.status_code == 403
    own = await http.post("/api/auth/refresh", headers=cookie)
    assert own.status_code == 200 and own.cookies["tga_refresh"] != first
    http.cookies.clear()


async def test_sign_out_ends_the_token_at_once(http, sign_in):
    """After sign-out the still unexpired access token names nobody."""
    bearer = await sign_in(8005)
    assert (await http.get("/api/users/me", headers=bearer)).json()["telegram_id"] == 8005
    out = await http.post("/api/auth/logout", headers=bearer)
    assert out.status_code == 204
    # a partitioned cookie is taken away only by one that is partitioned, too
    assert out.headers["set-cookie"] == (
        "tga_refresh=; Path=/api/auth; Max-Age=0; HttpOnly; Secure; SameSite=None; Partitioned"
    )
    assert (await http.get("/api/users/me", headers=bearer)).status_code == 401
