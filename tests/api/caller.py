"""Somebody with one of everything who sends any bytes: no client on the way repairs or refuses them."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_from_bytes, unquote

from tests.api import hostile
from tests.api.hostile import Operation, Place
from tests.attacks import routes

NAMES = {"/flags/": "answers.model", "/experiments/": "answers.length"}


class Answer:
    """What a request got; a stream is left as soon as it has begun."""

    status = 0
    media = ""
    body = b""


class Caller:
    """`ids` are the caller's own objects, `headers` the sign-in."""

    def __init__(
        self, app: Any, document: Mapping[str, Any], headers: dict[str, str], ids: dict[str, Any]
    ) -> None:
        self._app, self._document, self._ids = app, document, ids
        self._headers = {**headers, "content-type": "application/json", "accept": "text/event-stream, */*"}

    async def tries(self, operation: Operation, place: Place | None, value: Any) -> Answer:
        """The operation with the caller's own objects, but for one place (the body as it is, if None)."""
        where = place.where if place else "body"
        name = str(place.name[0]) if place and place.name else ""
        asked = {"q": "word"} if operation.path == "/api/search" else {}
        headers = dict(self._headers)
        if where == "query":
            asked[name] = value
        elif where == "cookie":
            headers["cookie"] = f"{name}={_text(value)}"
        elif where == "header":
            headers[name] = _text(value)
        path = self._path(operation, {name: value} if where == "path" else {})
        query = "&".join(f"{key}={_quoted(one)}" for key, one in asked.items())
        return await self._asked(
            (operation.method, path, query), headers, self._body(operation, place, value)
        )

    def _path(self, operation: Operation, given: dict[str, Any]) -> str:
        path = operation.path
        for each in operation.spec.get("parameters", []):
            if each["in"] == "path":
                name = each["name"]
                value = given[name] if name in given else self._own(operation.path, name)
                path = path.replace(f"{{{name}}}", _quoted(value))
        return path

    def _own(self, path: str, name: str) -> Any:
        if name == "name":
            return next(known for part, known in NAMES.items() if part in path)
        return self._ids.get(name, routes.WORDS.get(name))

    def _body(self, operation: Operation, place: Place | None, value: Any) -> bytes:
        """What must be given, with the caller's own ids; what need not be is left out."""
        if operation.body is None or place is None:
            return value if place is None else b""
        model = operation.body.get("anyOf", [operation.body])[0]["$ref"].rpartition("/")[2]
        whole = routes.BODIES[model](self._ids.__getitem__)
        needed = self._document["components"]["schemas"][model].get("required", ())
        body = {name: whole[name] for name in needed}
        return hostile.written(hostile.put(body, place.name, value) if place.where == "body" else body)

    async def _asked(self, line: tuple[str, str, str], headers: dict[str, str], body: bytes) -> Answer:
        answer, left = Answer(), asyncio.Event()
        sent = iter([{"type": "http.request", "body": body}])

        async def receive() -> dict[str, Any]:
            for message in sent:
                return message
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.media = dict(message["headers"]).get(b"content-type", b"").decode()
            else:
                answer.body += message.get("body", b"")
            if "event-stream" in answer.media or not message.get("more_body", True):
                left.set()

        async with asyncio.timeout(60):
            await self._app(_scope(line, headers), receive, send)
        return answer


def _scope(line: tuple[str, str, str], headers: dict[str, str]) -> dict[str, Any]:
    """As a server hands it on that refuses nothing by itself."""
    method, path, query = line
    return {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "headers": [
            (name.lower().encode(), each.encode("utf-8", "surrogatepass")) for name, each in headers.items()
        ],
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _quoted(value: Any) -> str:
    """In an address, half of a surrogate pair in the bytes it would have."""
    return quote_from_bytes(_text(value).encode("utf-8", "surrogatepass"), safe="")
