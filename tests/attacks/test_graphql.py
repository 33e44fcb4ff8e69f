"""GraphQL documents made to cost much, to break the parser or to get past the bearer."""
# ruff: noqa: E501 - a document reads best whole

import json
import time

import pytest

from tests.people import member, tenant

DEEP = "{ posts { edges { node " + "{ channel " * 12 + "{ title }" + " }" * 12 + " } } }"
BOMB = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
WIDE = "{ posts(first: 100) { edges { node { versions { text } channel { progress { done gaps rate } title } } } } }"
REFUSED = {
    "nested objects": (DEEP, "graphql.too_deep"),
    "nested introspection": ("{ __schema { types " + "{ fields { type " * 8 + "{ name }" + " } }" * 8 + " } }", None),
    "braces": ("{ me " + "{ a " * 5_000 + "} " * 5_000 + "}", None),
    "lists in values": ("{ post(id: " + "[" * 3_000 + "]" * 3_000 + ") { id } }", None),
    "aliases": ("{ " + " ".join(f"a{n}: me {{ id }}" for n in range(60)) + " }", "graphql.too_many_aliases"),
    "searches": ("{ " + " ".join(f'a{n}: search(query: "x", first: 100) {{ byWordsOnly }}' for n in range(12)) + "}", None),
    "a hundred times a hundred": (f"{{ a: {WIDE[1:-1]} b: {WIDE[1:-1]} c: {WIDE[1:-1]} d: {WIDE[1:-1]} "
        f"e: {WIDE[1:-1]} f: {WIDE[1:-1]} g: {WIDE[1:-1]} h: {WIDE[1:-1]} i: {WIDE[1:-1]} }}", "graphql.too_costly"),
    "earlier texts of many posts, three times": ("{ posts(first: 100) { edges { node { versions { a: text b: text c: text } } } } }", "graphql.too_costly"),
    "twice the schema": ("{ " + " ".join(f"a{n}: __schema {{ types {{ fields {{ args {{ name }} type {{ name fields {{ name }} }} }} }} }}" for n in range(20)) + " }", "graphql.too_costly"),
    "fragment bomb": (f"{{ ...F0 }} {BOMB} fragment F40 on Query {{ me {{ id }} channels {{ id title }} }}", "graphql.too_costly"),
    "fragment cycle": ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "graphql.invalid"),
    "directives": ("{ me " + "@skip(if: false) " * 2_000 + "{ id } }", "graphql.too_long"),
    "many words": ("{ me { " + "id " * 3_000 + "} }", "graphql.too_long"),
    "one field over and over": ("{" + "me{id id}" * 120 + "}", "graphql.repeated"),
    "a list over and over": ("{" + "questions{edges{node{id}}}" * 50 + "}", "graphql.repeated"),
    "repeats below repeats": ("{" + ("me{" + "id " * 5 + "}") * 5 + "}", "graphql.repeated"),
    "repeats by one alias": ("{" + "a:me{id}" * 15 + "}", "graphql.repeated"),
    "repeats in fragments": ("{" + " ".join(f"...F{n}" for n in range(15)) + "}" + " ".join(f"fragment F{n} on Query{{me{{id}}}}" for n in range(15)), "graphql.repeated"),
    "repeats in a fragment nobody spreads": ("{me{id}} fragment F on Person{" + "id " * 200 + "}", "graphql.repeated"),
    "repeats in the other operation": ("query A{me{id}} query B{me{" + "id " * 200 + "}}", "graphql.repeated"),
    "tangled fragments": ("{me{id}}" + "".join(f"fragment F{n} on Post{{a:channel{{...F{n + 1}}} b:channel{{...F{n + 1}}}}}" for n in range(12)), None),
    "a fragment within itself, deeper": ("{...F} fragment F on Query{me{...F}}", None),
    "no such field": ("{ me { password } }", "graphql.invalid"),
    "not GraphQL": ("'; DROP TABLE posts; --", "graphql.syntax"),
    "no operation": ("fragment A on Query { me { id } }", None),
    "a subscription": ("subscription { me { id } }", None),
    "a number too big": ("{ posts(first: 99999999999999999999) { pageInfo { endCursor } } }", "graphql.invalid"),
    "a made-up id": ('{ post(id: "x") { id } }', "graphql.invalid"),
}  # fmt: skip


@pytest.fixture(scope="module")
async def own(rt, sign_in):
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), 8_200_001)
    return await sign_in(8_200_001)


@pytest.mark.parametrize("name", REFUSED)
async def test_a_costly_or_broken_document_is_refused_at_once(http, own, name):
    """In a sentence with our code, before anything runs."""
    document, code = REFUSED[name]
    began = time.monotonic()
    answer = await http.post("/api/graphql", json={"query": document}, headers=own)
    assert time.monotonic() - began < 10
    if len(document) > 20_000:
        assert answer.status_code == 422
        return
    assert answer.status_code == 400, answer.text
    [error, *_] = answer.json()["errors"]
    assert error["extensions"]["code"].startswith("graphql."), error
    assert code in (None, error["extensions"]["code"]), error
    assert error["message"] and "Traceback" not in answer.text


@pytest.mark.parametrize("first", [100, 100.0])
async def test_a_page_costs_the_same_however_its_size_is_written(http, own, first):
    """A float that is whole serves a hundred items, so it is priced as a hundred, not as the default."""
    lists = " ".join(f"a{n}: {WIDE[1:-1].replace('100', '$n')}" for n in range(9))
    query = f"query ($n: Int!) {{ {lists} }}"
    body = {"query": query, "variables": {"n": first}}
    answer = await http.post("/api/graphql", json=body, headers=own)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] == "graphql.too_costly"
    body["variables"]["n"] = 20
    assert (await http.post("/api/graphql", json=body, headers=own)).status_code == 200


@pytest.mark.parametrize("first", [-1, 0, 2**31 - 1])
async def test_page_sizes_are_cut(http, own, first):
    """Outside 1…100 the nearest is taken, so nobody reads a million rows."""
    query = "query ($first: Int!) { posts(first: $first) { edges { cursor } } questions(first: $first) { edges { cursor } } }"
    body = {"query": query, "variables": {"first": first}}
    answer = await http.post("/api/graphql", json=body, headers=own)
    assert answer.status_code == 200 and answer.json()["errors"] is None, answer.text


async def test_only_json_with_a_bearer(http, own):
    """No GET, form, text, batch, upload or cookie: nothing another site's page can make a browser send."""
    query = "{ me { id } }"
    refused = [
        await http.get("/api/graphql", params={"query": query}, headers=own),
        await http.post("/api/graphql", data={"query": query}, headers=own),
        await http.post(
            "/api/graphql", content=query, headers={**own, "Content-Type": "application/graphql"}
        ),
        await http.post(
            "/api/graphql",
            content=json.dumps({"query": query}),
            headers={**own, "Content-Type": "text/plain"},
        ),
        await http.post("/api/graphql", json=[{"query": query}] * 100, headers=own),
        await http.post("/api/graphql", files={"operations": ("o", b"{}"), "0": ("f", b"x")}, headers=own),
        await http.post("/api/graphql", json={"query": query}),
        await http.post("/api/graphql", json={"query": query}, headers={"Cookie": "tga_refresh=x"}),
    ]
    assert all(answer.status_code in (404, 405, 415, 422) for answer in refused[:6])
    assert all(answer.status_code == 401 for answer in refused[6:])
    assert not any("GraphiQL" in answer.text or '"data":{' in answer.text for answer in refused)
    deep = '{"query": "{ me { id } }", "variables": ' + "[" * 50_000 + "]" * 50_000 + "}"
    answer = await http.post(
        "/api/graphql", content=deep, headers={**own, "Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 413, 422), answer.text


async def test_values_do_not_get_out_of_their_strings(http, own):
    """Quotes, escapes, NUL and halves of emojis inside strings and variables: words, or a refusal."""
    query = "query ($q: String!, $after: String) { search(query: $q, after: $after, mode: EXACT) { byWordsOnly } }"
    for bad in ('"', '\\"', "\x00", "\ud83d", '") { me { id } }', "$q", "a" * 5_000, "[" * 5_000):
        for variables in ({"q": bad}, {"q": "word", "after": bad}):
            body = json.dumps({"query": query, "variables": variables})
            headers = {**own, "Content-Type": "application/json"}
            answer = await http.post("/api/graphql", content=body, headers=headers)
            assert answer.status_code < 500, answer.text
            errors = (answer.json().get("errors") or []) if answer.status_code == 200 else []
            assert all(error["extensions"]["status"] < 500 for error in errors), answer.text
