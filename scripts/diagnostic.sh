#!/bin/sh
# Every neighbour, one line each (= make diag = tg-assistant doctor).
exec make -s -C "$(dirname "$0")/.." diag
