"""What a GraphQL document may ask for, measured before anything runs: length, depth, aliases, cost, repeats.

One request may otherwise ask for everything times everything. A field costs its own price plus, if it is a
list, the price of an item times the items asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    parse,
)

from tg_assistant.api.graphql import repeats
from tg_assistant.errors import Invalid

MAX_TOKENS = 800  # the longest introspection query of the usual tools has 180
MAX_DEPTH = 9
MAX_DEPTH_OF_SCHEMA = 16  # the introspection query of the usual tools
MAX_ALIASES = 20
MAX_COST = 10_000
MAX_PAGE = 100
# About how many items lists have that are not told by `first`; the last line is introspection's. Of a post's
# versions there are 20 at most, each with a text as long as the post's: each counts as two.
_ITEMS = {
    **dict(channels=25, versions=40, sources=8, extract=5, also=2, app=10, telegram=3),
    **dict(posts=20, search=20, questions=20),
    **dict(types=20, fields=3, possibleTypes=2, directives=4),
}
_DIGITS = 20
_PRICES = {"search": 1_000, "ask": 2_000}  # an embedding and two searches; a whole answer


@dataclass
class _Measure:
    cost: int = 0
    depth: int = 0
    aliases: int = 0

    def add(self, other: "_Measure") -> None:
        self.cost += other.cost
        self.aliases += other.aliases
        self.depth = max(self.depth, other.depth)


def check(query: str, variables: Mapping[str, Any]) -> None:
    """Raises Invalid (`graphql.…`) with what is allowed and what was asked for."""
    try:
        document = parse(query, no_location=True, max_tokens=MAX_TOKENS)
    except RecursionError:
        raise Invalid("graphql.too_deep", max=MAX_DEPTH) from None
    except GraphQLError as error:
        if "Document contains more" in error.message:
            raise Invalid("graphql.too_long", max=MAX_TOKENS) from None
        raise Invalid("graphql.syntax", problem=error.message) from None
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            _check_operation(definition, _Walk(fragments, _values(definition, variables)))
    repeats.check(document, fragments)


def _values(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with the operation's own defaults."""
    defaults = {
        each.variable.name.value: _number(each.default_value)
        for each in operation.variable_definitions or ()
        if isinstance(each.default_value, IntValueNode)
    }
    return {**defaults, **variables}


def _number(node: IntValueNode) -> int:
    """Raises Invalid for one of so many digits that Python itself would not read it."""
    if len(node.value) > _DIGITS:
        raise Invalid("graphql.invalid", problem=f"a number of more than {_DIGITS} digits")
    return int(node.value)


def _check_operation(operation: OperationDefinitionNode, walk: "_Walk") -> None:
    found = walk.measure(operation.selection_set)
    fields = operation.selection_set.selections
    introspects = all(isinstance(each, FieldNode) and each.name.value.startswith("__") for each in fields)
    allowed = MAX_DEPTH_OF_SCHEMA if introspects else MAX_DEPTH
    if found.depth > allowed:
        raise Invalid("graphql.too_deep", max=allowed)
    if found.aliases > MAX_ALIASES:
        raise Invalid("graphql.too_many_aliases", max=MAX_ALIASES)
    if found.cost > MAX_COST:
        raise Invalid("graphql.too_costly", max=MAX_COST, cost=found.cost)


class _Walk:
    """Measures each fragment once, however often it is spread; cycles are left to validation."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]) -> None:
        self._fragments, self._variables = fragments, variables
        self._measured: dict[str, _Measure] = {}

    def measure(self, selection: SelectionSetNode | None) -> _Measure:
        total = _Measure()
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                total.add(self._field(node))
            elif isinstance(node, InlineFragmentNode):
                total.add(self.measure(node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                total.add(self._spread(node.name.value))
        return total

    def _spread(self, name: str) -> _Measure:
        if name not in self._measured:
            self._measured[name] = _Measure()  # what a cycle finds
            fragment = self._fragments.get(name)
            self._measured[name] = self.measure(fragment.selection_set if fragment else None)
        return self._measured[name]

    def _field(self, node: FieldNode) -> _Measure:
        inner = self.measure(node.selection_set)
        name = node.name.value
        cost = _PRICES.get(name, 1) + inner.cost * self._items(node)
        return _Measure(cost, inner.depth + 1, inner.aliases + (node.alias is not None))

    def _items(self, node: FieldNode) -> int:
        """How many items the field is asked for. 100.0 is a number to GraphQL, too: what is no plain integer
        counts as the largest page, or is refused later."""
        for argument in node.arguments or ():
            if argument.name.value in ("first", "limit"):
                given = self._given(argument.value)
                if given is not None:
                    return max(1, min(given, MAX_PAGE)) if type(given) is int else MAX_PAGE
        return _ITEMS.get(node.name.value, 1)

    def _given(self, value: ValueNode) -> Any:
        """None: the argument's default."""
        if isinstance(value, VariableNode):
            return self._variables.get(value.name.value)
        if isinstance(value, NullValueNode):
            return None
        return _number(value) if isinstance(value, IntValueNode) else value
