"""How often one answer's field is asked for in the same place, counted before validation.

graphql-core compares every two fields of one response name with each other (the rule that overlapping fields
must merge): a hundred copies of a field are ten thousand comparisons on the event loop. Counted as that rule
merges them: through fragments, and below fields that are repeated themselves.
"""

from collections.abc import Iterator, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from tg_assistant.errors import Invalid

MAX_REPEATS = 10
MAX_STEPS = 2_000  # of our own walk: fragments may be spread in many places
MAX_LEVELS = 30  # a fragment within itself below a field never ends


def check(document: DocumentNode, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
    """Raises Invalid (`graphql.repeated`, `graphql.too_deep`, `graphql.too_tangled`)."""
    walk = _Walk(fragments)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            walk.level([definition.selection_set])
    for name, fragment in fragments.items():  # validation reads those nothing spreads, too
        if name not in walk.reached:
            walk.level([fragment.selection_set])


class _Walk:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self.reached: set[str] = set()
        self._steps = 0

    def level(self, selections: list[SelectionSetNode], depth: int = 1) -> None:
        """One level of the answer, then those below: the selections of one response name are one level."""
        if depth > MAX_LEVELS:
            raise Invalid("graphql.too_deep", max=MAX_LEVELS)
        below: dict[str, list[FieldNode]] = {}
        for field in self._fields(selections):
            same = below.setdefault((field.alias or field.name).value, [])
            same.append(field)
            if len(same) > MAX_REPEATS:
                raise Invalid("graphql.repeated", max=MAX_REPEATS)
        for same in below.values():
            inner = [field.selection_set for field in same if field.selection_set]
            if inner:
                self.level(inner, depth + 1)

    def _fields(self, selections: list[SelectionSetNode]) -> Iterator[FieldNode]:
        """The fields of one level, each fragment once."""
        spread: set[str] = set()
        waiting = list(selections)
        while waiting:
            for node in waiting.pop().selections:
                self._steps += 1
                if self._steps > MAX_STEPS:
                    raise Invalid("graphql.too_tangled", max=MAX_STEPS)
                if isinstance(node, FieldNode):
                    yield node
                elif isinstance(node, InlineFragmentNode):
                    waiting.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    self.reached.add(node.name.value)
                    if fragment := self._fragments.get(node.name.value):  # if not, left to validation
                        waiting.append(fragment.selection_set)
