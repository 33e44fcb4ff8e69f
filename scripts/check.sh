#!/bin/sh
# Every check that needs no running server; each says how long it took, all run, any failure fails.
set -u
cd "$(dirname "$0")/.."
UV=$(sh scripts/setup.sh uv) || exit 1
failed=0
step() {
    name=$1
    shift
    began=$(date +%s)
    if output=$("$@" 2>&1); then verdict=ok; else verdict=FAILED failed=1; fi
    printf '%-13s %-6s %3d s\n' "$name" "$verdict" "$(($(date +%s) - began))"
    [ "$verdict" = ok ] || printf '%s\n' "$output"
}
step format .venv/bin/ruff format --check .
step lint .venv/bin/ruff check .
step types .venv/bin/pyright
step bandit .venv/bin/bandit -q -c pyproject.toml -r tg_assistant bot ingest sandbox scripts benchmarks migrations -x scripts/semgrep
step semgrep sh scripts/semgrep/run.sh
step imports .venv/bin/lint-imports
step shape .venv/bin/python -m pytest -q tests/test_shape.py
step lock "$UV" lock --check
exit $failed
