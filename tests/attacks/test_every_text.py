"""Whatever reads a stranger's text takes time in proportion to its length: each expression, each function."""

import ast
import importlib
import inspect
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.attacks import hostile_texts
from tests.attacks.text_recipes import EXEMPT, RECIPES, passage
from tg_assistant.core.retrieval import copies

ROOT = Path(__file__).parents[2]
PACKAGES = ("tg_assistant", "bot", "ingest")
# Seconds of this thread: what is allowed, and below which growth is not measurable.
MOST, LEAST = 0.050, 0.004
GROWTH = 9.0  # of time, over four times the length: 4 is linear, 16 quadratic
_SEARCHING = {"search", "finditer", "findall", "sub", "subn", "split", "template"}


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of the product by its name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text())
    return found


def calls_of_re(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        of = node.func if isinstance(node, ast.Call) else None
        if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name) and of.value.id == "re":
            yield node  # type: ignore[misc]


def patterns_in(value: Any, depth: int = 0) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 3 and isinstance(value, list | tuple | set):
        for one in value:
            yield from patterns_in(one, depth + 1)
    elif depth < 3 and isinstance(value, dict):
        yield from patterns_in([*value.keys(), *value.values()], depth + 1)
    elif depth < 3 and is_dataclass(value) and not isinstance(value, type):
        yield from patterns_in([getattr(value, one.name) for one in fields(value)], depth + 1)


@cache
def expressions() -> list[tuple[str, re.Pattern[str], frozenset[str]]]:
    """Every compiled expression of the product: where, what, and how it is used."""
    found = []
    for name, tree in sources().items():
        compiled = [call for call in calls_of_re(tree) if call.func.attr == "compile"]
        if not compiled:
            continue
        module, here = importlib.import_module(name), 0
        for variable, value in vars(module).items():
            for pattern in patterns_in(value):
                if isinstance(pattern.pattern, str):
                    found.append((f"{name}.{variable}", pattern, used(tree, variable)))
                    here += 1
        assert here >= len(compiled), f"an expression of {name} is in no constant, so that it is not tried"
    return found


def used(tree: ast.Module, variable: str) -> frozenset[str]:
    return frozenset(
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == variable
    )


def test_expressions_are_constants_of_their_modules():
    """Nothing but `re.compile` outside of functions: so the tests below find and try every one."""
    elsewhere = []
    for name, tree in sources().items():
        inside = {
            call
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for call in calls_of_re(function)
            if f"{name}.{getattr(function, 'name', '')}" != "tg_assistant.core.answers.kinds._kind"
        }
        others = {call for call in calls_of_re(tree) if call.func.attr not in ("compile", "escape")}
        elsewhere += [f"{name}:{call.lineno}" for call in inside | others if call.func.attr != "escape"]
    assert not elsewhere
    assert len(expressions()) > 60


def seconds(work: Callable[[], object]) -> float:
    """Of this thread; the best of up to three, so that only the work itself counts."""
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        work()
        best = min(best, time.thread_time() - began)
        if best < LEAST:
            break
    return best


def assert_linear(work: Callable[[str], object], short: str, long: str, said: str) -> None:
    took = seconds(lambda: work(long))
    assert took <= MOST, f"{said}: {took * 1000:.0f} ms"
    if took > LEAST:
        less = seconds(lambda: work(short))
        assert took <= GROWTH * max(less, LEAST / 4), f"{said}: {less * 1000:.1f} → {took * 1000:.1f} ms"


@pytest.mark.parametrize("at", range(len(expressions())), ids=lambda at: expressions()[at][0])
def test_an_expression_takes_linear_time(at: int):
    """Runs of each class it names, near-matches, and texts at large: never more than 50 ms, never squared."""
    name, pattern, uses = expressions()[at]

    def work(text: str) -> None:
        if "match" in uses:
            pattern.match(text)
        if "fullmatch" in uses:
            pattern.fullmatch(text)
        if uses & _SEARCHING or not uses:
            for _ in pattern.finditer(text):
                pass

    length = hostile_texts.POST
    shorter = hostile_texts.near_matches(pattern, length // 4)
    for short, long in zip(shorter, hostile_texts.near_matches(pattern, length), strict=True):
        assert_linear(work, short, long, f"{name} on {long[:20]!r}…{long[-5:]!r}")
    for (said, long), (_, short) in zip(
        hostile_texts.texts(length), hostile_texts.texts(length // 4), strict=True
    ):
        assert_linear(work, short, long, f"{name} on {said}")


# ── Functions ────────────────────────────────────────────────────────────────

_READING = (
    "tg_assistant.core",
    "tg_assistant.components",
    "tg_assistant.infra.postgres.pg_text",
    "bot",
    "ingest.convert",
)
_TEXTS = (
    "str",
    "str | None",
    "Sequence[str]",
    "list[str]",
    "Iterable[str]",
    "Post",
    "Passage",
    "Sequence[Passage]",
)
_OURS = {
    "language",
    "_language",
    "code",
    "door",
    "style",
    "testid",
    "art",
    "nothing",
    "secret",
    "action",
    "kind",
}


def reading(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions of a module that take a text or a post, methods by their class's name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for inside in node.body:
                if isinstance(inside, ast.FunctionDef):
                    yield f"{node.name}.{inside.name}", inside


def parameters(function: ast.FunctionDef) -> list[tuple[str, str, bool]]:
    """Name, annotation, and whether it has to be given."""
    given = function.args
    plain = [*given.posonlyargs, *given.args]
    needed = len(plain) - len(given.defaults)
    found = [
        (one.arg, ast.unparse(one.annotation or ast.Name("Any")), at < needed) for at, one in enumerate(plain)
    ]
    return found + [
        (one.arg, ast.unparse(one.annotation or ast.Name("Any")), default is None)
        for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]


@cache
def readers() -> dict[str, list[tuple[str, str, bool]]]:
    """Every function under test with its parameters."""
    found = {}
    for module, tree in sources().items():
        if module.startswith(_READING):
            for name, function in reading(tree):
                of = parameters(function)
                strangers = [one for one, annotation, _ in of if annotation in _TEXTS and one not in _OURS]
                if strangers and module not in EXEMPT:
                    found[f"{module}.{name}"] = of
    return found


def automatic(name: str) -> Callable[[str], object] | None:
    """Called with the text in the place of every string, where nothing else has to be given."""
    of = [one for one in readers()[name] if one[2]]
    module, _, function = name.rpartition(".")
    if not of or not all(
        annotation in ("str", "str | None", "Sequence[str]", "list[str]") for _, annotation, _ in of
    ):
        return None
    if module not in sources():
        return None  # a method
    called = getattr(importlib.import_module(module), function)

    def work(text: str) -> None:
        made = {one: text if "str" in annotation[:3] else text.split(" ") for one, annotation, _ in of}
        result = called(**made)
        if inspect.isgenerator(result):
            list(result)

    return work


def is_private(name: str) -> bool:
    """Reached through those that call it; a private one that takes texts alone is tried by itself, too."""
    return name.rpartition(".")[2].startswith("_")


def tried() -> list[str]:
    alone = [name for name in readers() if name not in {*EXEMPT, *RECIPES} and automatic(name) is not None]
    return [*RECIPES, *alone]


def test_every_function_that_reads_a_text_is_tried():
    """One that takes something else, too, needs a recipe; one that sees no stranger's text, a reason."""
    missing = [
        name
        for name in readers()
        if name not in RECIPES and name not in EXEMPT and automatic(name) is None and not is_private(name)
    ]
    assert not missing
    known = {f"{module}.{name}" for module, tree in sources().items() for name, _ in reading(tree)}
    stale = {*RECIPES, *EXEMPT} - known - sources().keys()
    assert not stale
    assert len(tried()) > 80


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_calls_what_it_says(name: str):
    """An ordinary post is read by each of them without an error, so the times are those of real work."""
    post = "Мост через Лумну закрыт до 12 октября. Объезд по улице Ветрова, 5."
    assert seconds(lambda: RECIPES[name](post)) <= MOST


@pytest.mark.parametrize("name", tried())
def test_a_function_takes_linear_time(name: str):
    """On posts and questions of full length, whatever they say: 50 ms at most, and not squared."""
    work = RECIPES.get(name) or automatic(name)
    assert work is not None

    def refusing(text: str) -> None:
        try:
            work(text)
        except Exception as error:  # whether it refuses a text is another test's matter
            assert not isinstance(error, AssertionError), repr(error)

    for (said, long), (_, short) in zip(
        hostile_texts.texts(hostile_texts.POST), hostile_texts.texts(hostile_texts.POST // 4), strict=True
    ):
        assert_linear(refusing, short, long, f"{name} on {said}")


def test_copies_are_found_in_linear_time():
    """Hundreds of posts of much the same words: as many comparisons a post, however many there are."""
    rng = random.Random(7)
    words = [f"слово{n}" for n in range(270)]
    found = [passage(" ".join(rng.sample(words, 200)), n) for n in range(500)]
    took = [seconds(lambda count=count: copies.collapsed(found[:count], 200)) for count in (125, 500)]
    assert took[1] <= 0.5 and took[1] <= GROWTH * max(took[0], LEAST), took
