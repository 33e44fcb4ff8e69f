"""Writes docs/errors.md from the source: every error code, its HTTP status and its English sentence."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tg_assistant import errors, texts  # noqa: E402 - the folder of this script is not the project's

PAGE = ROOT / "docs" / "errors.md"
_HEAD = """# Error codes

Every refusal has a stable code. REST and GraphQL give it with the sentence in the person's language;
the bot and the pages say the sentence alone.
Written by `python scripts/errors_page.py`; a test compares.

| code | status | in English |
|---|---|---|
"""
_TREE = {
    name: kind.status
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.AssistantError)
}


def raised() -> dict[str, set[int]]:
    """Codes that the product's source gives to an error, with the statuses they come with."""
    found: dict[str, set[int]] = {}
    for folder in ("tg_assistant", "bot", "ingest"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and (named := _named(node)):
                    found.setdefault(named[1], set()).add(_TREE[named[0]])
    return found


def _named(node: ast.Call) -> tuple[str, str] | None:
    kind = node.func.id if isinstance(node.func, ast.Name) else ""
    first = node.args[0] if node.args else None
    if kind in _TREE and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return kind, first.value
    return None


def page() -> str:
    rows = []
    for code, statuses in sorted(raised().items()):
        sentence = texts.text(f"errors.{code}", "en") if texts.has(f"errors.{code}") else "–"
        rows.append(f"| `{code}` | {', '.join(map(str, sorted(statuses)))} | {sentence} |\n")
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page())
