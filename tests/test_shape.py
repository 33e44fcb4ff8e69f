"""The budgets of docs/architecture.md, so that the code stays easy to live in; ruff holds the rest."""

import ast
import gc
import re
import statistics
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("tg_assistant", "bot", "ingest", "sandbox")
FILE_MEDIAN, FILE_MAX, MODELS_MAX = 100, 300, 400
FUNCTION_MEDIAN, FUNCTION_P90, FUNCTION_MAX, VIEW_MAX = 10, 30, 50, 60
EMPTY_NAMES = ("utils", "util", "helpers", "helper", "common", "manager", "misc")
Function = ast.FunctionDef | ast.AsyncFunctionDef
_CHECKS = ("pytest.raises", "pytest.warns", "expect")


@pytest.fixture(autouse=True)
def _no_collection():
    """Python 3.11 fails to parse when a collection formats a traceback meanwhile (gh-106905)."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _files() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


@cache
def _functions() -> list[tuple[str, Function]]:
    """Every function as ("file:line name", node)."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node)
        for path in _files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, Function)
    ]


def _length(node: Function) -> int:
    """Lines of the body and signature; the docstring is free, so that nobody saves on it."""
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


def _is_view(place: str) -> bool:
    return "/pages/" in place or "/components/" in place


def test_files_are_short():
    """No file over its budget, and half of them under the median."""
    sizes = {str(path.relative_to(ROOT)): _lines(path) for path in _files() if _lines(path)}
    big = {
        name: size
        for name, size in sizes.items()
        if size > (MODELS_MAX if name.startswith("tg_assistant/models") else FILE_MAX)
    }
    assert not big
    assert statistics.median(sizes.values()) <= FILE_MEDIAN


def test_functions_are_short():
    """No function over its budget; half under 10 lines, nine in ten under 30."""
    lengths = {place: _length(node) for place, node in _functions()}
    long = {
        place: size
        for place, size in lengths.items()
        if size > (VIEW_MAX if _is_view(place) else FUNCTION_MAX)
    }
    assert not long
    deciles = statistics.quantiles(lengths.values(), n=10)
    assert statistics.median(lengths.values()) <= FUNCTION_MEDIAN
    assert deciles[8] <= FUNCTION_P90


def test_each_file_says_why_it_exists():
    """A module docstring wherever there is code, and a name that says what is inside."""
    trees = {path: ast.parse(path.read_text()) for path in _files()}
    assert not [path for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)]
    assert not [path for path in trees if path.stem in EMPTY_NAMES]


def test_everything_is_typed():
    """Each function of the packages declares what it returns."""
    assert not [place for place, node in _functions() if node.returns is None]


def test_importing_core_never_loads_a_framework():
    """The package's own __init__ is empty, so the bot does not pay for Reflex."""
    assert not (ROOT / "tg_assistant" / "__init__.py").read_text().strip()


def test_broad_excepts_give_their_reason():
    """What catches everything says why, on its line or the one above."""
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _files()
        for number, (above, line) in enumerate(pairwise(path.read_text().splitlines()), 2)
        if re.match(r"\s*except( (Base)?Exception\b.*)?:", line) and "#" not in line
        if not above.lstrip().startswith("#")
    ]
    assert not silent


def test_every_test_says_what_for():
    """A sentence of intent and an assertion (or an expected error) in each test."""
    lacking = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(_parsed(path))
        if isinstance(node, Function) and node.name.startswith("test_")
        if not (ast.get_docstring(node) and _asserts(node, path))
    ]
    assert not lacking


def _asserts(node: Function, path: Path) -> bool:
    """Asserts, expects an error or a page's state, or calls a helper of the tests that does so itself."""
    if _checks(node):
        return True
    calls = [inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    return bool(names & _checking_names(path) or methods & _checking_methods())


def _checks(node: ast.AST) -> bool:
    """By its own lines: `assert`, `raise AssertionError`, `pytest.raises`, Playwright's `expect(…)`."""
    return any(
        isinstance(inner, ast.Assert)
        or (isinstance(inner, ast.Raise) and "AssertionError" in ast.unparse(inner))
        or (isinstance(inner, ast.Call) and ast.unparse(inner.func) in _CHECKS)
        for inner in ast.walk(node)
    )


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def _checking_functions(path: Path) -> frozenset[str]:
    return frozenset(each.name for each in _parsed(path).body if isinstance(each, Function) and _checks(each))


def _checking_names(path: Path) -> set[str]:
    """Functions of this file, and those it imports from other files of the tests, that check."""
    found = set(_checking_functions(path))
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            source = ROOT / f"{(node.module or '').replace('.', '/')}.py"
            there = _checking_functions(source) if source.exists() else frozenset[str]()
            found |= {alias.asname or alias.name for alias in node.names if alias.name in there}
    return found


@cache
def _checking_methods() -> set[str]:
    """Methods of classes in tests/ that check, except where the product has a function of the same name."""
    ours = {node.name for _, node in _functions()}
    classes = [
        node
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.ClassDef)
    ]
    methods = [each for node in classes for each in node.body if isinstance(each, Function)]
    return {each.name for each in methods if _checks(each)} - ours
