"""Every place of the API's own document that takes something, and what nobody should put there."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONG = "x" * 100_000
STRINGS = ("a\x00b", "a\ud83d", "\udc00", LONG, "\u202egnp.exe\u2066", "", " ", "%00", "9" * 5_000)
DATES = (
    *("0001-01-01", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0000-00-00T00:00:00Z"),
    *("9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999-14:00", "2026-01-01T00:00:00+24:01"),
    *("+10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "infinity", "-infinity", "now", "NaN", "P1D"),
    *(253_402_300_800, -62_135_596_801, 2**63, 10**30, float("inf")),
)
NUMBERS = (0, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**400, -(10**400), 1.5, 1e308, float("inf"))
OTHERS = (None, True, [], {}, [[]], {"a": {"b": "\x00"}})  # where JSON can say them


def _positions() -> Iterator[str]:
    """Cursors that decode to something which was never a place in any list."""
    some_id = "00000000-0000-0000-0000-000000000000"
    first, last = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
    for one in (
        first,
        last,
        "infinity",
        "2026-01-01",
        "9" * 390,
        "-1",
        "0",
        "nan",
        "1e400",
        "\x00",
        "\ud83d",
    ):
        yield json.dumps([one])
        yield json.dumps([one, some_id])
        yield json.dumps([one, "9" * 390])
        yield json.dumps([last, one])
        yield json.dumps(["2026-01-01T00:00:00+00:00", one])
    for offset in ("-1", "1e400", "9" * 100, "true", "null", '"1"', "[]", "NaN"):
        yield f'{{"offset": {offset}}}'
    yield from (
        "[]",
        "{}",
        "null",
        "1",
        '""',
        "[[[]]]",
        "[" * 400,
        '["a", "b", "c"]',
        "[1, 2]",
        "[null, null]",
    )


CURSORS = (
    *("x", "====", "e30", "*", "é", "A" * 599, "A" * 601, "-_-_", "W10=\n"),
    *(base64.urlsafe_b64encode(position.encode("utf-8", "replace")).decode() for position in _positions()),
)


@dataclass(frozen=True)
class Operation:
    """A method of a path, with the statuses its document knows."""

    method: str
    path: str
    spec: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def statuses(self) -> set[int]:
        return {int(status) for status in self.spec["responses"]}

    def refusals(self, status: int) -> set[str]:
        """The forms its document gives a refusal."""
        return {*self.spec["responses"].get(str(status), {}).get("content", ()), "application/problem+json"}

    @property
    def body(self) -> Mapping[str, Any] | None:
        content = self.spec.get("requestBody", {}).get("content", {})
        return content["application/json"]["schema"] if content else None


@dataclass(frozen=True)
class Place:
    """Somewhere in a request: `where` as OpenAPI says it, or "body"; `name` is the way there."""

    where: str
    name: tuple[str | int, ...]
    kinds: frozenset[str]

    def values(self) -> list[Any]:
        """Wrong ones for all, and those that are hard for just this kind of place."""
        cursors = CURSORS if self.name[-1:] == ("cursor",) else ()
        dates = DATES if self.kinds & {"date-time", "date"} else ()
        numbers = NUMBERS if self.kinds & {"integer", "number"} else ()
        others = OTHERS if self.where == "body" else ()
        return [*STRINGS, *cursors, *dates, *numbers, *others]


def operations(document: Mapping[str, Any]) -> list[Operation]:
    methods = ("get", "post", "put", "patch", "delete")
    return [
        Operation(method.upper(), path, spec)
        for path, of in document["paths"].items()
        for method, spec in of.items()
        if method in methods
    ]


def places(operation: Operation, document: Mapping[str, Any]) -> list[Place]:
    """Parameters of all kinds, and each field of the body, inside of objects, lists and maps as well."""
    found = [
        Place(each["in"], (each["name"], *more), kinds)
        for each in operation.spec.get("parameters", [])
        for more, kinds in _leaves(each["schema"], document)
    ]
    for name, kinds in _leaves(operation.body or {}, document):
        found.append(Place("body", name, kinds))
    return found


Leaf = tuple[tuple[str | int, ...], frozenset[str]]


def _leaves(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Leaf]:
    """The place itself with its kinds, then whatever is inside of it; a map gets a key of ours."""
    options = list(_options(schema, document))
    own = {kind for one in options for kind in (one.get("type"), one.get("format")) if kind}
    if own:
        yield (), frozenset(own)
    for one in options:
        inside: list[tuple[str | int, Any]] = [*one.get("properties", {}).items()]
        if isinstance(one.get("additionalProperties"), Mapping):
            inside.append(("key", one["additionalProperties"]))
        elif one.get("additionalProperties") is True:
            inside.append(("key", {"type": "string"}))
        if "items" in one:
            inside.append((0, one["items"]))
        for name, each in inside:
            for more, kinds in _leaves(each, document):
                yield (name, *more), kinds


def _options(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in schema:
        named = schema["$ref"].rpartition("/")[2]
        yield from _options(document["components"]["schemas"][named], document)
    elif "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _options(one, document)
    else:
        yield schema


def put(body: Any, way: tuple[str | int, ...], value: Any) -> Any:
    """`body` with `value` at the end of the way, which is made where there is none."""
    if not way:
        return value
    step, rest = way[0], way[1:]
    if isinstance(step, int):
        return [put(None, rest, value)]
    inside = body if isinstance(body, Mapping) else {}
    return {**inside, step: put(inside.get(step), rest, value)}


def written(body: Any) -> bytes:
    """JSON as an attacker writes it: halves of surrogate pairs, and numbers that no float holds."""
    return json.dumps(body).replace("Infinity", "1e400").encode()


DEEP = 20_000
BODIES = (
    *(
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"NaN",
        b"{",
        b"\x00",
        b"\xff\xfe{}",
        b"\xed\xa0\xbd",
        b"\xef\xbb\xbf{}",
    ),
    *(b"[" * DEEP, b'{"a":' * DEEP, b'{"a\\u0000b": 1}', b'{"\\ud83d": 1}', b'{"__proto__": {"a": 1}}'),
    *(b'{"' + b"k" * 100_000 + b'": 1}', b'{"a": 1, "a": 2}', b"x" * 1_048_577, b"9" * 5_000),
)
