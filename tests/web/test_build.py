"""The build: made when its sources change, usable at any address."""

import logging
from pathlib import Path

import pytest
from reflex_base.plugins.base import Plugin

from tg_assistant.web import build
from tg_assistant.web.build import ROOT, SameOrigin, build_environment, source_hash, use_page_origin
from tg_assistant.web.serve import QuietValues


def _reflex_client() -> str:
    import reflex_base

    folder = Path(reflex_base.__file__).parent / ".templates" / "web" / "utils"
    return (folder / "state.js").read_text()


def test_reflexs_client_is_patched_once() -> None:
    """The pinned Reflex has the line we replace, and patching twice changes nothing."""
    patched = use_page_origin(_reflex_client())
    assert "window.location.origin" in patched
    assert use_page_origin(patched) == patched


def test_changed_client_stops_the_build() -> None:
    """A Reflex whose client looks different must not be built with a baked address."""
    with pytest.raises(RuntimeError, match=r"state\.js"):
        use_page_origin("const endpoint = somewhere_else();")


def test_plugin_is_one_of_reflexs() -> None:
    """Reflex calls the hook by this name."""
    assert isinstance(SameOrigin(), Plugin)


def test_source_hash_follows_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed page, sentence or asset means a new build; compiled Python does not."""
    (tmp_path / "tg_assistant" / "pages").mkdir(parents=True)
    screen = tmp_path / "tg_assistant" / "pages" / "screen.py"
    screen.write_text("one")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    first = source_hash()
    (screen.parent / "screen.pyc").write_bytes(b"x")
    assert source_hash() == first
    screen.write_text("two")
    assert source_hash() != first


def test_every_source_is_there() -> None:
    """A file that was moved would no longer cause a build."""
    assert [pattern for pattern in build._SOURCES if not list(ROOT.glob(pattern))] == []


def test_build_uses_the_venvs_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """node comes from the wheel, whatever the machine has; the registry is npm's own setting."""
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://registry.example/")
    environment = build_environment()
    assert environment["PATH"].split(":")[0].endswith("bin")
    assert environment["NPM_CONFIG_REGISTRY"] == "https://registry.example/"
    assert environment["REFLEX_USE_NPM"] == "1"


def test_licence_lies_beside_the_bundled_sdk() -> None:
    """MIT asks for it."""
    assert "MIT License" in (ROOT / "assets" / "vendor" / "telegram-web-app.LICENSE").read_text()


def test_event_data_of_unlinked_sockets_is_not_logged() -> None:
    """Reflex would write a resume secret into the log."""
    record = logging.LogRecord(
        "reflex.app", 30, "", 0, "Received event. Event data: {'secret': 'S'}", (), None
    )
    assert QuietValues().filter(record)
    assert record.getMessage() == "Received event."


def test_arguments_are_not_logged() -> None:
    """Reflex quotes what it could not turn into a number; the handler and the kind of error are enough."""
    said = (
        "Error transforming event payload for handler QueueState.drop: Error transforming event argument 'S'"
    )
    record = logging.LogRecord("reflex_base", 30, "", 0, said, (), None)
    try:
        int("S")
    except ValueError:
        assert QuietValues().filter(record)
    assert record.getMessage() == "Error transforming event payload for handler QueueState.drop: ValueError"
