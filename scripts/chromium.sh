#!/bin/sh
# A Chromium for the tests: the system's, Debian's when run as root, or Playwright's own.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
cd "$(dirname "$0")/.."
if ls "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"/chromium-*/ >/dev/null 2>&1; then exit 0; fi
echo "Installing Chromium for the tests …" >&2
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends \
        chromium fonts-noto-core fonts-noto-color-emoji >/dev/null && exit 0
fi
.venv/bin/python -m playwright install chromium && exit 0
echo "No Chromium: run 'apt-get install chromium fonts-noto-core fonts-noto-color-emoji' as root, or '.venv/bin/playwright install --with-deps chromium', then try again." >&2
exit 1
