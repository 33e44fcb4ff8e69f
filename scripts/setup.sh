#!/bin/sh
# Everything the project needs on a machine with Python >= 3.11: its own uv if there is none, then the environment.
set -eu
cd "$(dirname "$0")/.."
UV_PIN=0.13.8
UV_LEAST=0.13  # wrote this uv.lock; an older one of the system is left alone

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "Python 3.11 or newer is needed; python3 here is: $(python3 --version 2>&1 || echo none)."
    say "Install it (Debian 12+, Ubuntu 24.04+: apt install python3; macOS: brew install python) and try again."
    exit 1
}

new_enough() {
    "$PYTHON" - "$("$1" --version 2>/dev/null)" $UV_LEAST <<'END'
import re, sys
have, least = (tuple(map(int, re.findall(r"\d+", text)[:2])) for text in sys.argv[1:])
sys.exit(have < least)
END
}

find_uv() {
    for path in "$(command -v uv || true)" .tools/uv/bin/uv .tools/uv-target/bin/uv; do
        if [ -x "$path" ] && new_enough "$path"; then echo "$path"; return; fi
    done
    say "Bringing uv $UV_PIN into .tools/ …"
    if "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null && "$PYTHON" -m venv .tools/uv 2>/dev/null; then
        .tools/uv/bin/python -m pip install -q --disable-pip-version-check "uv==$UV_PIN" >&2
        echo .tools/uv/bin/uv
    elif "$PYTHON" -m pip --version >/dev/null 2>&1; then
        "$PYTHON" -m pip install -q --disable-pip-version-check --target .tools/uv-target "uv==$UV_PIN" >&2
        echo .tools/uv-target/bin/uv
    else
        say "This Python has neither venv nor pip. Debian and Ubuntu: apt install python3-venv; or install uv: https://docs.astral.sh/uv/"
        exit 1
    fi
}

PYTHON=$(find_python)
UV=$(find_uv)
if [ "${1:-}" = uv ]; then echo "$UV"; exit; fi  # only asked which one
if [ ! -f .tools/synced ] || [ uv.lock -nt .tools/synced ] || [ pyproject.toml -nt .tools/synced ] || [ ! -x .venv/bin/python ]; then
    say "Installing the environment (about 170 packages: a minute on a new machine) …"
    "$UV" sync --quiet --locked --python "$PYTHON"
    mkdir -p .tools && touch .tools/synced
fi
