"""Every argument of the GraphQL schema with every wrong value: an answer or a refusal, never a failure."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    get_named_type,
)

from tests.people import member, tenant
from tg_assistant.api.graphql.schema import schema

GRAPHQL = schema._schema  # what it offers, type by type
WRONG = [
    None, "", "x", "\x00", "a\x00b", "\ud83d", "x" * 3_000, 0, -1, 2**31, 2**63, 10**400, 1.5, 100.0, 1e308,
    True, [], [None], [[]], ["\x00"], ["\ud83d"], {}, {"a": 1}, {"since": "\x00"}, "NaN", "HYBRID", "hybrid",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "00000000-0000-0000-0000-000000000000",
]  # fmt: skip
GOOD = {"String": "word", "UUID": str(uuid4())}
FIELDS = [
    (kind, field, argument)
    for kind, type_ in (("query", GRAPHQL.query_type), ("mutation", GRAPHQL.mutation_type))
    for field, of in (type_.fields if type_ else {}).items()
    for argument in of.args
]


def _of(kind: str, field: str) -> dict[str, GraphQLArgument]:
    type_ = GRAPHQL.query_type if kind == "query" else GRAPHQL.mutation_type
    return type_.fields[field].args if type_ else {}


def _document(kind: str, field: str, argument: str) -> tuple[str, dict[str, str]]:
    """A document with the argument as the variable `bad`, as nullable as a default allows, and good values
    for what else must be given."""
    arguments = _of(kind, field)
    needed = {
        name: GOOD[get_named_type(each.type).name]
        for name, each in arguments.items()
        if name != argument and isinstance(each.type, GraphQLNonNull)
    }
    declared = {name: str(arguments[name].type) for name in needed}
    tested = arguments[argument]
    nullable = isinstance(tested.type, GraphQLNonNull) and tested.default_value is not None
    declared["bad"] = str(tested.type).rstrip("!") if nullable else str(tested.type)
    head = ", ".join(f"${name}: {type_}" for name, type_ in declared.items())
    given = ", ".join(f"{name}: ${name}" for name in needed)
    return f"{kind} ({head}) {{ {field}({given} {argument}: $bad) {{ __typename }} }}", needed


def _values(argument: GraphQLArgument) -> list[object]:
    """The wrong ones, and for an input object each of them in each of its fields, in lists as well."""
    named = get_named_type(argument.type)
    inner = named.fields if isinstance(named, GraphQLInputObjectType) else {}
    values = [*WRONG, *({name: wrong} for name in inner for wrong in WRONG)]
    listed = [name for name, each in inner.items() if isinstance(each.type, GraphQLList)]
    return values + [{name: [wrong]} for name in listed for wrong in WRONG]


def _failures(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that are no refusal in words, but ours."""
    return [each for each in errors if each["extensions"]["status"] >= 500]


@pytest.fixture(scope="module")
async def send(http, rt, sign_in):
    """send(query, variables) → the answer's errors; the body may hold halves of emojis and huge numbers."""
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), 8_210_001)
    headers = {**await sign_in(8_210_001), "Content-Type": "application/json"}

    async def sent(query: str, variables: Mapping[str, object]) -> list[dict[str, Any]]:
        body = json.dumps({"query": query, "variables": variables})
        answer = await http.post("/api/graphql", content=body, headers=headers)
        if answer.status_code not in (200, 400):
            return [{"extensions": answer.json()}]  # a problem document
        return answer.json().get("errors") or []

    return sent


@pytest.mark.parametrize(("kind", "field", "argument"), FIELDS)
async def test_a_wrong_value_is_refused_in_words(send, kind, field, argument):
    """Null, wrong types, NUL, half an emoji, numbers beyond any width: no failure of ours."""
    query, needed = _document(kind, field, argument)
    for wrong in _values(_of(kind, field)[argument]):
        assert not _failures(await send(query, {**needed, "bad": wrong})), repr(wrong)[:80]


@pytest.mark.parametrize(
    ("kind", "field", "argument"), [each for each in FIELDS if _of(*each[:2])[each[2]].default_value]
)
async def test_null_means_the_default(send, kind, field, argument):
    """A client that sends all its variables sends null for those nobody filled in."""
    query, needed = _document(kind, field, argument)
    errors = await send(query, {**needed, "bad": None})
    assert not any("bad" in str(error) or argument in str(error) for error in errors), errors


@pytest.mark.parametrize("directive", ["skip", "include"])
@pytest.mark.parametrize("place", ["me @{} (if: $bad) {{ id }}", "me {{ id @{} (if: $bad) }}"])
async def test_directives_with_wrong_values(send, directive, place):
    """A condition that is null although it has a default, or is no condition at all."""
    for wrong in WRONG:
        query = f"query ($bad: Boolean = true) {{ {place.format(directive)} }}"
        assert not _failures(await send(query, {"bad": wrong})), repr(wrong)[:80]


@pytest.mark.parametrize("form", ["{{ {} }}", "query {} {{ me {{ id }} }}", '{{ post(id: "{}") {{ id }} }}'])
async def test_documents_with_half_an_emoji(send, form):
    """Repeated in the refusal, it must not break the refusal itself."""
    for half in ("\ud83d", "a\udc00", "\\ud83d", "\\u{D83D}"):
        errors = await send(form.format(half), {})
        assert errors and not _failures(errors), half


def test_the_schema_has_arguments_to_try():
    """The generated cases reach enums, numbers, lists and input objects."""
    types = [get_named_type(_of(kind, field)[name].type) for kind, field, name in FIELDS]
    for kind in (GraphQLEnumType, GraphQLInputObjectType, GraphQLScalarType):
        assert any(isinstance(each, kind) for each in types)
    assert len(FIELDS) >= 13
