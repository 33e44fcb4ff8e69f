#!/bin/sh
# A Redis server for the tests of several workers; without one they are skipped and say so.
set -eu
if command -v redis-server >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing redis-server for the tests …" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server >/dev/null && exit 0
fi
echo "No redis-server: the tests of several web workers will be skipped. 'apt-get install redis-server' as root brings it." >&2
