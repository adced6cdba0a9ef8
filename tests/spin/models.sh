#!/bin/bash
# SPDX-License-Identifier: MIT
# Spin tries all orders of steps of the models in this folder; then each planted bug, which it must find.
set -eu
command -v spin >/dev/null || { echo "spin is missing (Debian: spin)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$POOLKIT_SRC"/tests/spin/owner.pml .

# check BUG: the verifier's report
check() {
    spin -DBUG="$1" -a owner.pml >spin.txt 2>&1 || { cat spin.txt; exit 1; }
    "${CC:-cc}" -O1 -w -DSAFETY -DNOREDUCE -o pan pan.c
    ./pan -m100000 >"bug$1.txt" 2>&1 || true
}

check 0
grep -E 'errors:|states, stored$|max search depth' bug0.txt
grep -q 'errors: 0$' bug0.txt || { cat bug0.txt; exit 1; }
if grep -qE 'max search depth too small|out of memory' bug0.txt; then
    echo "not all states were tried"
    exit 1
fi
for bug in 1 2 3 4 5; do
    check $bug
    grep -q 'errors: 1$' bug$bug.txt || { echo "bug $bug was not found"; cat bug$bug.txt; exit 1; }
    echo "bug $bug found: $(grep -m1 '^pan:1:' bug$bug.txt)"
done
