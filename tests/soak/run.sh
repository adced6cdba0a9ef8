#!/bin/sh
# SPDX-License-Identifier: MIT
# soak.c on the drop-in for SOAK_MINUTES (30), then slope.py: tests/soak/run.sh BUILD-FOLDER [LEAK]
# The first sixth, five minutes at most, is the warm-up. The samples stay in BUILD-FOLDER/soak.txt.
set -eu
here=$(dirname "$0")
seconds=$((${SOAK_MINUTES:-30} * 60))
warm=$((seconds / 6 < 300 ? seconds / 6 : 300))
LD_PRELOAD=$1/libpoolkit-malloc.so "$1/tests/soak" $seconds ${2:-} >"$1/soak.txt"
python3 "$here/slope.py" $warm <"$1/soak.txt"
