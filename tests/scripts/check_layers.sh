#!/bin/sh
# scripts/check-layers passes our tree and finds each kind of violation in a planted one.
set -eu
check=$POOLKIT_SRC/scripts/check-layers
"$check" "$POOLKIT_SRC"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
status=0

plant() { # "pass" or "find", file, its text
    mkdir -p "$(dirname "$2")"
    printf '%s\n' "$3" > "$2"
    "$check" "$work" > said && got=pass || got=find
    [ $got = "$1" ] || { echo "wanted $1, got $got: $2: $3"; cat said; status=1; }
    [ $got = pass ] || grep -q "^$2:1: " said || { echo "not named: $2: $3"; cat said; status=1; }
    rm "$2"
}

plant pass src/slab/a.c '#include "os/pages.h"'
plant pass src/slab/a.c '#include "slab.h"'
plant pass src/heap/a.c '#include <poolkit/heap.h>'
plant pass src/os/a.c '#if defined(__linux__)'
plant pass src/slab/a.c '#ifdef PKI_TRACE'
plant pass tools/poolkit/a.c '#include "trace/format.h"'
plant pass include/poolkit/a.h '#include <stddef.h>'

plant find src/base/a.c '#include "os/pages.h"'
plant find src/slab/a.h '#include "heap/heap.h"'
plant find src/heap/a.c '#  include "pool/arena.h"'
plant find src/pool/a.c '#include "heap/heap.h"'
plant find src/heap/a.c '#include "dropin/malloc.h"'
plant find src/heap/a.c '#include "../slab/slab.h"'
plant find src/attic/a.c '#include <stddef.h>'
plant find tools/poolkit/a.c '#include "slab/slab.h"'
plant find examples/a.c '#include "base/bits.h"'
plant find include/poolkit/a.h '#include <sys/mman.h>'
plant find include/poolkit/a.h '#include "base/bits.h"'
plant find src/slab/a.c '#ifdef __linux__'
plant find src/heap/a.c '#if defined(__GNUC__) && 1'
plant find include/poolkit/a.h '#elif defined(_WIN32)'
exit $status
