#!/bin/sh
# scripts/check-invariants accepts a number that a unit test names and finds one that none does.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/src/slab" "$work/tests/unit"
echo '- **S1** used + free = capacity' > "$work/src/slab/README.md"

echo '/* S11 is another */' > "$work/tests/unit/slab_test.c"
if "$POOLKIT_SRC/scripts/check-invariants" "$work"; then echo "S1 was not missed"; exit 1; fi
echo '/* S1: break it */' > "$work/tests/unit/slab_test.c"
"$POOLKIT_SRC/scripts/check-invariants" "$work"
