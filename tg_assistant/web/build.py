"""Builds the Mini App's static files, only when their sources have changed, so that serving needs no node."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from reflex_base.plugins import Plugin

ROOT = Path(__file__).parents[2]
_OUTPUT = ROOT / ".web" / "build" / "client"
_STAMP = ROOT / ".web" / "built-from"
_SOURCES = (
    "rxconfig.py",
    "uv.lock",
    "assets",
    "reflex.lock",
    "tg_assistant/*.py",
    "tg_assistant/pages",
    "tg_assistant/components",
    "tg_assistant/texts",
    # values of these are written into the pages, and the build itself is patched here
    "tg_assistant/core/answers/asking.py",
    "tg_assistant/core/administration/job_queue.py",
    "tg_assistant/core/plans.py",
    "tg_assistant/models",
    "tg_assistant/web/build.py",
)
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_BAKED_URL = "const endpoint = new URL(url_str);"
_SAME_ORIGIN = (
    "const endpoint = new URL(new URL(url_str).pathname, window.location.origin);\n  return endpoint;"
)


class SameOrigin(Plugin):
    """Makes the build relocatable: the websocket connects to the page's own origin.

    Reflex writes `api_url` into the build, but the demo changes ports and production serves any domain.
    """

    def pre_compile(self, **context: Any) -> None:
        """Reflex's hook: patch the generated `state.js` before it is bundled."""
        context["add_modify_task"]("utils/state.js", use_page_origin)


def use_page_origin(state_js: str) -> str:
    """Make Reflex's client take the backend's address from the page.

    Returns the patched source. Raises RuntimeError if Reflex has changed the line.
    """
    if _SAME_ORIGIN in state_js:
        return state_js
    if _BAKED_URL not in state_js:
        raise RuntimeError("Reflex's state.js has no known place for the backend's address")
    return state_js.replace(_BAKED_URL, _SAME_ORIGIN)


def build_if_changed() -> bool:
    """Export the frontend unless the last export was built from the same sources. True when it was built.

    Raises subprocess.CalledProcessError when the export fails.
    """
    stamp = source_hash()
    if _OUTPUT.is_dir() and _STAMP.is_file() and _STAMP.read_text() == stamp:
        return False
    command = [sys.executable, "-m", "reflex", "export", "--no-zip", "--frontend-only"]
    subprocess.run(command, cwd=ROOT, env=build_environment(), check=True)  # noqa: S603 - our own command
    _STAMP.write_text(source_hash())
    return True


def inline_scripts() -> tuple[str, ...]:
    """CSP hashes (`sha256-…`) of the inline scripts in the built pages; recomputed after another build."""
    return _inline_scripts(_STAMP.stat().st_mtime_ns if _STAMP.is_file() else 0)


@lru_cache(maxsize=1)
def _inline_scripts(_build: int) -> tuple[str, ...]:
    found: set[str] = set()
    for page in _OUTPUT.rglob("*.html"):
        for script in _INLINE.findall(page.read_text()):
            digest = hashlib.sha256(script.encode()).digest()
            found.add(f"sha256-{base64.b64encode(digest).decode()}")
    return tuple(sorted(found))


def build_environment() -> dict[str, str]:
    """The environment in which Reflex builds: with the venv's node, and contacting only the npm registry."""
    bin_dir = Path(sys.executable).parent
    environment = dict(os.environ)
    environment |= {
        "PATH": f"{bin_dir}{os.pathsep}{environment.get('PATH', '')}",
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "NPM_CONFIG_REGISTRY": _npm_registry(environment),
    }
    return environment


def source_hash() -> str:
    """SHA-256 (hex) over every file that ends up in the build."""
    found: set[Path] = set()
    for pattern in _SOURCES:
        for path in ROOT.glob(pattern):
            found |= set(path.rglob("*")) if path.is_dir() else {path}
    digest = hashlib.sha256()
    for path in sorted(path for path in found if path.is_file() and path.suffix != ".pyc"):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _npm_registry(environment: dict[str, str]) -> str:
    """The registry that this machine's npm is configured with: mirrors are set there, not in our files."""
    if registry := environment.get("NPM_CONFIG_REGISTRY"):
        return registry
    npm = shutil.which("npm", path=environment.get("PATH"))
    if npm is None:
        return "https://registry.npmjs.org/"
    answer = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, check=False)  # noqa: S603
    return answer.stdout.strip() or "https://registry.npmjs.org/"
