"""What strangers send to each door of the web process; all of it holds MARK, which no log may repeat."""
# ruff: noqa: E501 - what is sent reads best whole

import json
from typing import Any
from urllib.parse import quote

MARK = "canary-of-a-flood"
DEEP = "[" * 9_000
ROOT = "reflex___state____state"
LOAD = f"{ROOT}.reflex___state____on_load_internal_state"
STORE = f"{ROOT}.reflex___state____update_vars_internal_state"
SHOWN = f"{ROOT}.reflex___state____frontend_event_exception_state"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
UUID = "01234567-89ab-cdef-0123-456789abcdef"


def request(line: str, headers: str = "", body: str = "") -> bytes:
    """An HTTP request as bytes on the wire; the server closes after it."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    close = "" if "Upgrade" in headers else "Connection: close\r\n"
    return f"{line} HTTP/1.1\r\nHost: localhost\r\n{close}{length}{headers}\r\n{body}".encode(
        "utf-8", "surrogateescape"
    )


_QUERIES = [
    *("", "?EIO=4", "?EIO=3&transport=websocket", f"?EIO={MARK}&transport=websocket"),
    *("?EIO=4&transport=polling", f"?EIO=4&transport={MARK}", "?EIO=4&transport=websocket"),
    *("?EIO=4&transport=polling&b64=1", "?EIO=4&transport=polling&j=0", f"?EIO=4&transport=websocket&j={MARK}"),
    *("?EIO=4&transport=websocket&j=" + "9" * 5_000, f"?EIO=4&transport=websocket&token={MARK}"),
    *(f"?EIO=4&transport=websocket&token={UUID}&token={MARK}", f"?EIO=4&transport=websocket&token={MARK * 400}"),
    *(f"?EIO=4&transport=websocket&sid={MARK}", f"?EIO=4&transport=polling&sid={MARK}", f"?sid={MARK}", "?%ff=%00"),
    *(f"?EIO=4&EIO=4&transport=websocket&token={UUID}", "?" + "&".join(f"a{n}={MARK}" for n in range(300))),
    f"?EIO=4&transport=websocket&token={UUID}&x={MARK}",
]  # fmt: skip
ENGINE: list[bytes] = [
    *(request(f"GET /_event/{query}") for query in _QUERIES),
    *(request(f"GET /_event/{query}", UPGRADE) for query in _QUERIES),
    *(request(f"POST /_event/{query}", body=f"4{MARK}") for query in _QUERIES),
    *(request(f"{method} /_event/?EIO=4&transport=websocket") for method in ("PUT", "OPTIONS", "TRACE", "HEAD", MARK.upper())),
    request(f"GET /_event/?EIO=4&transport=websocket&token={UUID}", "Upgrade: websocket\r\n"),
    request(f"GET /_event/?EIO=4&transport=websocket&token={UUID}", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    request(f"GET /_event/?EIO=4&transport=websocket&token={UUID}", f"{UPGRADE}Origin: https://{MARK}.example\r\n"),
    request(f"GET /_event/?EIO=4&transport=websocket&token={UUID}", f"{UPGRADE}Sec-WebSocket-Protocol: {MARK}\r\n"),
    request(f"GET /_event/?EIO=4&transport=websocket&token={UUID}", f"{UPGRADE}X-Forwarded-For: {MARK}, {MARK}\r\n"),
    request(f"GET /_event/{MARK}?EIO=4&transport=websocket&token={UUID}", UPGRADE),
    request(f"GET /%5Fevent/?EIO=4&transport=websocket&token={MARK}", UPGRADE),
    b"POST /_event/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + MARK.encode(),
    b"POST /_event/?EIO=4 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + MARK.encode(),
]  # fmt: skip
_PATHS = [
    *("/", f"/{MARK}", f"/tg/app/{MARK}", "/" + MARK * 300, f"/%00{MARK}", f"/%ff%fe{MARK}", f"/..%2f{MARK}"),
    *(f"//{MARK}.example", f"/tg/connect/{MARK}", f"/admin/login/{MARK}", f"/assets/{MARK}.js", f"/api/{MARK}"),
    *(f"/api/posts?limit={MARK}", f"/api/channels/{MARK}", f"/api/search?q={MARK}%00", f"/api/rag/{MARK}", "/_upload"),
    *(f"/api/posts?after={MARK}", f"/health?{MARK}", f"/ready/{MARK}", f"/docs/{MARK}", f"/openapi.json?{MARK}"),
]  # fmt: skip
_BODIES = [
    *(MARK, f'"{MARK}"', f"[{MARK}]", f'{{"init_data": "{MARK}"}}', f'{{"init_data": "hash={quote(MARK)}"}}'),
    *(f'{{"{MARK}": {DEEP}', f'{{"init_data": "{MARK}\\ud800"}}', '{"init_data": ' + "9" * 5_000 + "}"),
    *(f'{{"query": "{{ {MARK} }}"}}', f'{{"refresh_token": "{MARK}"}}', f'{{"code": "{MARK}"}}', "\udcff\udcfe" + MARK),
]  # fmt: skip
_POSTS = [
    *("/api/auth/telegram-webapp", "/api/auth/refresh", "/api/auth/resume", "/api/graphql", "/api/invites/redeem"),
    *("/api/channels", "/api/rag/ask", "/mcp", "/mcp/", "/tg/connect/x", "/admin/login/x", "/telegram/webhook"),
]  # fmt: skip
_JSON = "Content-Type: application/json\r\n"
HTTP: list[bytes] = [
    *(request(f"GET {path}") for path in _PATHS),
    *(request(f"GET {path}", f"Authorization: Bearer {MARK}\r\nCookie: tga_refresh={MARK}\r\n") for path in _PATHS),
    *(request(f"{MARK.upper()} {path}") for path in ("/", "/api/posts", "/health")),
    *(request(f"POST {path}", _JSON, body) for path in _POSTS for body in _BODIES),
    *(request(f"POST {path}", f"Content-Type: {kind}\r\n", MARK) for path in _POSTS
      for kind in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", MARK)),
    request("GET /api/posts", f"Accept-Language: {MARK}\r\nX-Forwarded-For: {MARK}\r\nOrigin: {MARK}\r\nRange: bytes={MARK}\r\n"),
    request("GET /bridge.js", f"Range: bytes={MARK}\r\nIf-None-Match: {MARK}\r\nIf-Modified-Since: {MARK}\r\n"),
    *(f"POST {path} HTTP/1.1\r\nHost: x\r\n{_JSON}Content-Length: 100\r\n\r\n{{\"{MARK}".encode() for path in _POSTS),
    request("GET /api/ws", UPGRADE), request(f"GET /{MARK}", UPGRADE), request("GET /api/graphql", UPGRADE),
    f"GET / HTTP/9.9 {MARK}\r\n\r\n".encode(), f"{MARK}\r\n\r\n".encode(), b"\x16\x03\x01\x02\x00" + MARK.encode(),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + MARK.encode() * 9,
    request(f"GET /{MARK}", f"X: {MARK * 4_000}\r\n"),
]  # fmt: skip

VARS: list[Any] = [
    {f"{MARK}.x": "1"}, {MARK: "1"}, {"": MARK}, {".": MARK}, {f"{ROOT}.{MARK}": MARK}, {f"{ROOT}.{MARK}.x": MARK},
    {f"{ROOT}.is_hydrated": MARK}, {f"{ROOT}.router_data": {MARK: MARK}}, {f"{ROOT}._substate_var_dependencies": MARK},
    {f"{MARK}{n}.x{n}": n for n in range(90)}, [MARK], MARK, 5, True, {MARK: {MARK: [MARK]}},
    {f"{ROOT}.reflex___istate___shared____shared_state_base_internal.{MARK}": MARK},
]  # fmt: skip
HASHES: list[Any] = [[], [MARK], [5], MARK, 5, {MARK: 1}, [[MARK]], [None] * 90, True]
PLACES: list[dict[str, Any]] = [
    *({"pathname": path, "asPath": path, "query": {}} for path in (
        f"/{MARK}", f"//[{MARK}", f"http://[{MARK}", f"//[::1/{MARK}", f"/{MARK}?a=%zz#" + MARK * 90, f"/\u2028{MARK}",
        f"javascript:{MARK}", f"http://{MARK}:99999999/", f"/tg/app/[{MARK}]", f"/tg/app/{'../' * 900}{MARK}", f"\\{MARK}",
        f"/%{MARK}", f"/tg/app/?{'&'.join(f'{MARK}{n}=1' for n in range(90))}", f"http://a:{MARK}/", "/\u2100" + MARK)),
    {"pathname": f"/{MARK}", "query": {f"[{MARK}]": [MARK]}},
    {"asPath": f"/{MARK}"}, {"query": {MARK: {MARK: MARK}}}, {"query": {"a": None, MARK: 1.5}}, {"pathname": None},
    {"pathname": "/tg/app", "asPath": "/tg/app", "query": {"sid": MARK}, "sid": MARK, "token": MARK, "headers": {MARK: MARK}, "ip": MARK},
]  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    *({"name": f"{ROOT}.hydrate_and_load", "payload": {"vars": each}} for each in VARS),
    *({"name": f"{ROOT}.hydrate_and_load", "payload": {"hashes": each}} for each in HASHES),
    *({"name": f"{STORE}.update_vars_internal", "payload": {"vars": each}} for each in VARS),
    *({"name": f"{ROOT}.hydrate_and_load", "payload": {}, "router_data": each} for each in PLACES),
    *({"name": f"{ROOT}.hydrate", "payload": {}, "router_data": each} for each in PLACES),
    *({"name": f"{LOAD}.on_load_internal", "payload": {}, "router_data": each} for each in PLACES),
    *({"name": f"{ROOT}.set_is_hydrated", "payload": {"value": each}} for each in (True, MARK, None, [MARK])),
    *({"name": f"{ROOT}.hydrate", "payload": {MARK: each}} for each in (1, MARK, [MARK])),
    *({"name": name} for name in (MARK, f"{ROOT}.{MARK}", f"{ROOT}.{MARK}.x", f"{ROOT}.setvar", f"{ROOT}.set_{MARK}", f"_{MARK}",
       f"{ROOT}.reset", f"{ROOT}._clean", f"{ROOT}.dict", "_call_function", "_redirect", "", ".", "." * 900, MARK * 900)),
    {"name": f"{SHOWN}.handle_frontend_exception", "payload": {"info": MARK, "component_stack": MARK}},
    {"name": f"{SHOWN}.handle_frontend_exception", "payload": {"info": "x", "component_stack": MARK * 900}},
    {"name": f"{ROOT}.hydrate", "payload": {}, "router_data": {}, "token": MARK, MARK: MARK, "substate_token": MARK},
]  # fmt: skip
AUTH: list[str] = [
    *("", "{}", "[]", "5", f'"{MARK}"', f"{{{MARK}", f'{{"event": "{MARK}"}}', f'{{"event": {{"name": "{MARK}"}}}}'),
    *(json.dumps({"event": each}) for each in EVENTS[:40]),
    *(json.dumps({"state_schema": each}) for each in (MARK, MARK * 900, f"\n{MARK}", [MARK], {MARK: 1}, 5, "")),
]  # fmt: skip
FRAMES: list[str] = [
    f"42/_event,{json.dumps([kind, *values])}"
    for kind in ("event", "ping", "client_error", "connect", "disconnect", "connect_error", MARK, "", "trigger_event")
    for values in ([], [MARK], [{"error_type": MARK, "message": MARK}], [{MARK: MARK}, MARK, 1], [None], [[MARK]],
                   [{"error_type": "DISPATCH_MISSING", "substate": MARK}], [{"error_type": "dispatch_missing", "substate": MARK}])
] + [f"40/{MARK},", f"41/{MARK},", f"40/{MARK},{{}}", f'42/{MARK},["event"]', f'43/_event,1["{MARK}"]', MARK, f"4{MARK}"]  # fmt: skip
