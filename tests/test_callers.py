"""Core holds what the product uses, each thing under one name; a statement is core's, never a door's."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRODUCT = ("tg_assistant", "bot", "ingest")
DOORS = ("bot", "ingest", "tg_assistant/api", "tg_assistant/pages", "tg_assistant/components")
# Public functions of core that nothing in the product calls, and why they stay.
KEPT = {
    "tg_assistant.core.retrieval.indexing.index_dirty": "take_turn without its clock: the end is seen",
}
_STATEMENT = re.compile(r"\bdb\.(exec|execute|get|get_one|add|add_all|delete|flush|scalars?)\(")


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def _trees() -> dict[str, ast.Module]:
    paths = [path for package in PRODUCT for path in (ROOT / package).rglob("*.py")]
    return {_module(path): ast.parse(path.read_text()) for path in paths}


def _called(module: str, tree: ast.Module) -> set[str]:
    """What a module names of itself and of others, as module.name."""
    imported = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(imported.get(node.id, f"{module}.{node.id}"))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{imported.get(node.value.id, '')}.{node.attr}")
    return found


def test_each_public_function_of_core_has_a_caller():
    """What only tests call is not the product, and would be kept right for nobody."""
    called = {name for module, tree in _trees().items() for name in _called(module, tree)}
    public = {
        f"{module}.{node.name}"
        for module, tree in _trees().items()
        if module.startswith("tg_assistant.core.")
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    }
    assert public - called == set(KEPT)


def test_nothing_is_passed_on_under_another_modules_name():
    """A name is imported from where it is defined: `__all__` of names from elsewhere hides where that is."""
    lists = {
        module
        for module, tree in _trees().items()
        for node in tree.body
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets)
    }
    packages = {"tg_assistant.models", "tg_assistant.infra.embeddings"}  # one noun of several files each
    assert lists == packages


def test_a_door_runs_no_statement_of_its_own():
    """It opens a transaction and hands it to core, where whoever looks for a statement finds it."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for door in DOORS
        for path in (ROOT / door).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _STATEMENT.search(line)
    ]
    assert not found
