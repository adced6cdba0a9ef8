#!/bin/sh
# A reference to an object of one pool, or the pool itself, cannot be given to another pool's functions:
# the compiler refuses. What is right compiles.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

try() { # try <line of code>: compiles it
    cat > "$work/try.c" <<END
#include <poolkit/object_pool.h>
typedef struct { int x; } apple;
typedef struct { int y; } pear;
PK_OBJECT_POOL(apples, apple)
PK_OBJECT_POOL(pears, pear)
void try(apples *a, pears *p, apples_ref ra, pears_ref rp);
void try(apples *a, pears *p, apples_ref ra, pears_ref rp)
{
    (void)a, (void)p, (void)ra, (void)rp;
    $1
}
END
    "${CC:-cc}" -std=c11 -Wall -Wextra -Werror -I"$POOLKIT_SRC/include" -fsyntax-only \
        "$work/try.c" 2> "$work/log"
}

accepted() { try "$1" || { echo "refused: $1"; cat "$work/log"; exit 1; }; }
refused() { if try "$1"; then echo "accepted: $1"; exit 1; fi; }

accepted '(void)apples_get(a, ra); (void)pears_get(p, rp);'
accepted 'apples_delete(a, apples_get(a, ra));'
accepted 'ra = apples_ref_of(a, apples_new(a));'
refused '(void)apples_get(a, rp);'
refused '(void)apples_get(p, ra);'
refused '(void)apples_get(a, rp.handle);'
refused 'ra = rp;'
refused 'ra = pears_ref_of(p, pears_new(p));'
refused 'apples_delete(a, pears_new(p));'
refused 'apples_delete(p, apples_new(a));'
refused 'pear *one = apples_new(a); (void)one;'
refused '(void)apples_ref_of(a, pears_new(p));'
