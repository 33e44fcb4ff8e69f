#!/bin/sh
# The project's own semgrep rules: first against their examples, then over the source. Sends nothing anywhere.
set -eu
cd "$(dirname "$0")/../.."
UV=$(sh scripts/setup.sh uv)
semgrep() {
    "$UV" tool run --quiet -c scripts/semgrep/constraints.txt --from semgrep semgrep \
        scan --metrics=off --disable-version-check --config scripts/semgrep/rules.yaml "$@"
}
semgrep --test scripts/semgrep/rules.py
semgrep --quiet --error tg_assistant bot ingest
