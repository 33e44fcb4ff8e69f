"""GraphQL documents made to be slow: each kind in every length, measured or refused in time that grows with it."""
# ruff: noqa: E501 - a document reads best whole

import gc
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from graphql import parse, validate

from tests.people import member, tenant
from tg_assistant.api.graphql import limits
from tg_assistant.api.graphql.schema import schema
from tg_assistant.errors import Invalid

GRAPHQL = schema._schema  # the one that is served
LONGEST = 20_000  # characters, as the route takes them
SECONDS = 0.5  # of the processor; at these lengths a quadratic document takes many times that


def times(count: int, text: Callable[[int], str], between: str = " ") -> str:
    return between.join(text(number) for number in range(count))


def chain(n: int, spread: int = 1) -> str:
    """Fragments each of which spreads the next."""
    links = times(n, lambda i: f"fragment F{i} on Query{{{f'...F{i + 1} ' * spread}}}")
    return f"{links} fragment F{n} on Query{{me{{id}}}}"


KINDS: dict[str, Callable[[int], str]] = {
    "inline fragments in one another": lambda n: "{" + "...on Query{" * n + "me{id}" + "}" * n + "}",
    "inline fragments beside one another": lambda n: "{" + "...on Query{me{id}}" * n + "}",
    "a chain of fragments": lambda n: "{...F0}" + chain(n),
    "a chain that doubles": lambda n: "{...F0}" + chain(n, 2),
    "a chain spread by many operations": lambda n: times(n, lambda i: f"query Q{i}{{...F0}}") + chain(n),
    "each fragment spreads all": lambda n: "{...F0}" + times(n, lambda i: f"fragment F{i} on Query{{{times(n, lambda j: f'...F{j}')}}}"),
    "each fragment spreads all that follow": lambda n: "{...F0}" + times(n, lambda i: f"fragment F{i} on Query{{me{{id}} {times(n - i - 1, lambda j: f'...F{i + j + 1}')}}}"),
    "a ring": lambda n: "{...F0}" + times(n, lambda i: f"fragment F{i} on Query{{...F{(i + 1) % n}}}"),
    "a ring below fields": lambda n: "{post(id:1){...F0}}" + times(n, lambda i: f"fragment F{i} on Post{{channel{{...F{(i + 1) % n}}}}}"),
    "two fields that widen": lambda n: "{post(id:1){...F0}}" + times(n, lambda i: f"fragment F{i} on Post{{a:channel{{...F{i + 1}}} b:channel{{...F{i + 1}}}}}"),
    "a fragment a field": lambda n: "{" + times(n, lambda i: f"...F{i}") + "}" + times(n, lambda i: f"fragment F{i} on Query{{a{i}:me{{id}}}}"),
    "aliases of lists in lists": lambda n: "{" + times(n, lambda i: f"a{i}:posts(first:100){{edges{{node{{channel{{title}} versions{{text}}}}}}}}") + "}",
    "a hundred thousand introspections": lambda n: "{" + times(n, lambda i: f"a{i}:__schema{{types{{fields{{args{{name}}}}}}}}") + "}",
    "introspection without end": lambda n: "{__schema{types{fields{type{" + "ofType{" * n + "name" + "}" * n + "}}}}}",
    "one directive": lambda n: "{me" + "@skip(if:false)" * n + "{id}}",
    "made-up directives": lambda n: "{me" + times(n, lambda i: f"@d{i}", "") + "{id}}",
    "arguments of a directive": lambda n: "{me@skip(" + times(n, lambda i: f"a{i}:1") + "){id}}",
    "fields nearly there": lambda n: "{" + times(n, lambda i: f"channel{i}") + "}",
    "long names nearly there": lambda n: "{" + times(n, lambda i: "channels" * 60 + str(i)) + "}",
    "arguments nearly there": lambda n: "{posts(" + times(n, lambda i: f"firs{i}:1") + "){edges{cursor}}}",
    "keys nearly there": lambda n: "query($a:Within={" + times(n, lambda i: f"sinc{i}:1") + "}){me{id}}",
    "variables": lambda n: "query(" + times(n, lambda i: f"$a{i}:Int") + "){me{id}}",
    "a type of lists": lambda n: "query($a:" + "[" * n + "Int" + "]" * n + "){me{id}}",
    "values in one another": lambda n: '{search(query:"x",within:' + "{a:" * n + "1" + "}" * n + "){byWordsOnly}}",
    "lists in one another": lambda n: "{posts(channelIds:" + "[" * n + "]" * n + "){edges{cursor}}}",
    "wrong items": lambda n: '{posts(channelIds:["' + '" "'.join(["x"] * n) + '"]){edges{cursor}}}',
    "operations": lambda n: times(n, lambda i: f"query Q{i}{{me{{id}}}}"),
    "operations of one name": lambda n: times(n, lambda _: "query Q{me{id}}"),
    "subscriptions": lambda n: times(n, lambda i: f"subscription S{i}{{me{{id}}}}"),
    "types": lambda n: times(n, lambda i: f"type T{i}{{a:Int}}"),
    "a long word": lambda n: '{post(id:"' + "\\u0041" * n + '"){id}}',
    "a long block": lambda n: '{post(id:"""' + "\n  x" * n + '"""){id}}',
    "comments": lambda n: "#\n" * n + "{me{id}}",
    "digits": lambda n: "{posts(first:" + "9" * n + "){edges{cursor}}}",
    "digits of a default": lambda n: "query($a:Int=" + "9" * n + "){posts(first:$a){edges{cursor}}}",
    "decimals": lambda n: "{posts(first:1." + "9" * n + "){edges{cursor}}}",
    "an exponent": lambda n: "{posts(first:1e" + "9" * n + "){edges{cursor}}}",
    "the same argument": lambda n: "{posts(" + "first:1 " * n + "){edges{cursor}}}",
    "the same in one place, by ten": lambda n: "{" + times(10, lambda i: f"post(id:1){{...F{i}}}") + "}" + times(n, lambda i: f"fragment F{i} on Post{{channel{{...F{(i * 7 + 1) % n}}}}}"),
}  # fmt: skip


def of_length(make: Callable[[int], str], longest: int) -> str:
    """The longest of its kind that is no longer."""
    high = 1
    while len(make(high)) <= longest:
        high *= 2
    low = high // 2
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(make(middle)) <= longest else (low, middle)
    return make(low)


def work(document: str, variables: dict[str, Any]) -> str:
    """What the event loop does with it before anything runs."""
    try:
        limits.check(document, variables)
    except Invalid as error:
        return error.code
    return f"{len(validate(GRAPHQL, parse(document, no_location=True)))} errors"


@pytest.mark.parametrize("kind", KINDS)
def test_no_document_takes_long(kind: str) -> None:
    """Of every length, also of those that just pass the limits: at once, whatever the answer."""
    for longest in (LONGEST, 6_000, 3_000, 1_500, 700):
        document = of_length(KINDS[kind], longest)
        taken: list[float] = []
        said = ""
        for _ in range(2):  # the better one: a collection of garbage is not the document's
            gc.collect()
            began = time.process_time()
            said = work(document, {})
            taken.append(time.process_time() - began)
        assert min(taken) < SECONDS, f"{len(document)} characters: {taken}, {said}"


@pytest.fixture(scope="module")
async def own(rt, sign_in):
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), 8_200_051)
    return await sign_in(8_200_051)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("longest", [LONGEST, 1_500])
async def test_each_is_answered(http, own, kind, longest):
    """With a refusal in words, or an answer: never by a failure of ours."""
    answer = await http.post("/api/graphql", json={"query": of_length(KINDS[kind], longest)}, headers=own)
    assert answer.status_code in (200, 400, 429), answer.text
    if answer.status_code != 429:
        errors = answer.json().get("errors") or []
        assert all(error["extensions"]["status"] < 500 for error in errors), answer.text
        assert all(len(error["message"]) < 1_000 for error in errors) and len(errors) <= 101


LISTS: dict[str, Any] = {
    "channels": [str(uuid4()) for _ in range(10_000)],
    "one channel": [str(uuid4())] * 10_000,
    "nothings": [None] * 10_000,
    "words": ["x"] * 10_000,
    "numbers": list(range(10_000)),
    "lists": [[[[]]]] * 10_000,
    "keys": {f"a{n}": n for n in range(10_000)},
    "deep": json.loads("[" * 400 + "]" * 400),
    "long": "x" * 500_000,
    "digits": 10**4_000,
}


@pytest.mark.parametrize("kind", LISTS)
async def test_variables_of_ten_thousand_items(http, own, kind):
    """Where a list belongs, where none does, and where no variable is: at once, and in few words."""
    for query in (
        "query ($a: [UUID!]) { posts(channelIds: $a) { edges { cursor } } }",
        'query ($a: Within) { search(query: "x", within: $a) { byWordsOnly } }',
        "query ($a: Int) { posts(first: $a) { edges { cursor } } }",
        "{ me { id } }",
    ):
        began = time.process_time()
        answer = await http.post(
            "/api/graphql", json={"query": query, "variables": {"a": LISTS[kind]}}, headers=own
        )
        assert time.process_time() - began < 5
        assert answer.status_code in (200, 400, 422, 429), answer.text[:500]
        assert len(answer.content) < 50_000, answer.text[:500]
        if answer.status_code in (200, 400):
            errors = answer.json().get("errors") or []
            assert all(error["extensions"]["status"] < 500 for error in errors), answer.text[:500]
