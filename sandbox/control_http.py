"""The control API over HTTP, for tests and the smoke run that start the sandbox as a process.

POST bodies and answers are JSON; /control/… is served on the phone's port.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.control_actions import Actions
from sandbox.faults import DROP, Failure, bot_error, flood_wait
from sandbox.invitations import deliver

Action = Callable[[Actions, dict[str, Any]], Any]


def _failure(body: dict[str, Any]) -> Failure:
    """A failure from {"flood_wait": s} | {"retry_after": s} | {"code", "message"} | {"drop": true}."""
    if "flood_wait" in body:
        return flood_wait(int(body["flood_wait"]))
    if "retry_after" in body:
        return bot_error(429, "Too Many Requests", int(body["retry_after"]))
    return DROP if body.get("drop") else Failure(int(body["code"]), body["message"])


def _fail(sandbox: Actions, body: dict[str, Any]) -> Any:
    sandbox.fail(body["method"], _failure(body), times=int(body.get("times", 1)))


def _load(sandbox: Actions, body: dict[str, Any]) -> Any:
    channels = sandbox.load(
        Path(body["path"]), limit=body.get("limit"), followers=body.get("followers", ("anna", "max"))
    )
    return [{"id": each.id, "title": each.title, "username": each.username} for each in channels]


def _publish(sandbox: Actions, body: dict[str, Any]) -> Any:
    facts = {name: body[name] for name in ("entities", "fields") if name in body}
    post = sandbox.channels.publish(sandbox.channels.get(body["channel"]), body.get("text", ""), **facts)
    return {"id": post.id}


def _edit(sandbox: Actions, body: dict[str, Any]) -> Any:
    channel = sandbox.channels.get(body["channel"])
    if "react" in body:
        sandbox.channels.react(channel, int(body["post"]), body["react"])
    else:
        sandbox.channels.edit(channel, int(body["post"]), body["text"])


def _delete(sandbox: Actions, body: dict[str, Any]) -> Any:
    channel = sandbox.channels.get(body["channel"])
    if body.get("posts") is None:
        return {"deleted": sandbox.channels.clear(channel)}
    return {"deleted": len(sandbox.channels.delete(channel, [int(each) for each in body["posts"]]))}


def _set_private(sandbox: Actions, body: dict[str, Any]) -> Any:
    sandbox.channels.set_private(sandbox.channels.get(body["channel"]), bool(body.get("private", True)))


ACTIONS: dict[str, Action] = {
    "fail": _fail,  # {method, times?, + a failure}
    "delay": lambda s, b: s.delay(b["method"], float(b["seconds"]), times=int(b.get("times", 1))),
    "clear-faults": lambda s, b: s.faults.clear(),
    "clock": lambda s, b: s.shift_clock(float(b["shift"])),
    "drop": lambda s, b: s.drop_connections(),
    "unreachable": lambda s, b: s.unreachable(),
    "reachable": lambda s, b: s.reachable(),
    "expire-codes": lambda s, b: s.expire_codes(),
    "migrate": lambda s, b: s.migrate(b["person"], int(b.get("dc_id", 4))),
    "revoke": lambda s, b: s.revoke(b["person"], b.get("error", "SESSION_REVOKED")),
    "duplicate-key": lambda s, b: s.duplicate_key(b["person"]),
    "too-long": lambda s, b: s.too_long(b.get("channel")),
    "load": _load,  # {path, limit?, followers?: ["anna"]}
    "publish": _publish,  # {channel, text?, entities?, fields?}: a post in any channel, as its owner would
    "edit": _edit,  # {channel, post, text | react: "👍"}
    "delete": _delete,  # {channel, posts?: [1, 2]}; without them the channel is cleared
    "cut": lambda s, b: s.cut(b["method"], keep=int(b.get("keep", 0)), times=int(b.get("times", 1))),
    "lose-pushes": lambda s, b: s.lose_pushes(int(b.get("times", 1))),
    "invitations": lambda s, b: deliver(s.world, b),  # {person: link}: a message with the invite, once
    "set-private": _set_private,  # {channel, private?}
}


def add_control(app: web.Application, sandbox: Actions) -> None:
    """Add GET /control/violations, /control/install, /control/health and POST /control/{action}."""
    app.router.add_get("/control/violations", _show(lambda: list(sandbox.violations)))
    app.router.add_get("/control/install", _show(lambda: sandbox.install))
    app.router.add_get("/control/health", _show(lambda: _health(sandbox)))
    for name, action in ACTIONS.items():
        app.router.add_post(f"/control/{name}", _act(sandbox, action))


def _health(sandbox: Actions) -> dict[str, Any]:
    channels = sandbox.channels
    return {
        "ok": True,
        "mtproto_port": sandbox.mtproto_port,
        "bot_api_url": sandbox.bot_api_url,
        "phone_url": sandbox.phone_url,
        "channels": len(channels.by_id),
        "posts": sum(map(len, channels.live.values())),
        "connections": len(sandbox.server.connections),
    }


Handle = Callable[[web.Request], Awaitable[web.Response]]


def _show(value: Callable[[], Any]) -> Handle:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(value())

    return handle


def _act(sandbox: Actions, action: Action) -> Handle:
    async def handle(request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else {}
        try:
            result = action(sandbox, body)
        except KeyError as error:
            return web.json_response(
                {"error": f"{error.args[0]} is needed", "code": "FIELD_MISSING"}, status=400
            )
        if isinstance(result, Awaitable):
            result = await result
        sandbox.world.commit()
        return web.json_response({"result": result})

    return handle
