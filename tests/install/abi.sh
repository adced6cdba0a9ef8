#!/bin/sh
# Programs that were linked with the version described in cmake/abi run with this library: nothing that
# it offered is gone or has another shape. More functions are well. Structs that say their own size may
# grow at their end; abidiff tells of that too, and whoever reads it decides.
#
# To store the description anew:  POOLKIT_BUILD=build tests/install/abi.sh --store
set -eu
command -v abidiff > /dev/null || { echo "skipped: abidiff is missing: scripts/setup abi"; exit 77; }
source=${POOLKIT_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$source"
version=$(sed -n 's/^\([0-9]*\.[0-9]*\).*/\1/p' VERSION)
stored=cmake/abi/libpoolkit-$version-$(uname -m).xml
library=$POOLKIT_BUILD/libpoolkit.so

if [ "${1:-}" = --store ]; then
    abidw --headers-dir include --drop-private-types --no-corpus-path --no-comp-dir-path \
          --no-show-locs --type-id-style hash --out-file "$stored" "$library"
    exit
fi
[ -e "$stored" ] || { echo "skipped: no description $stored"; exit 77; }
abidiff --no-added-syms "$stored" "$library"
