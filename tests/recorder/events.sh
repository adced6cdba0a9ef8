#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# events.sh: each function is recorded as its kind, once, and calls that fail are not.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"

compile known <<'C'
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
int main(void)
{
    void *volatile p = malloc(10);
    void *volatile none = malloc(SIZE_MAX / 4);
    if (none) return 1;
    p = realloc(p, 100);
    none = realloc(p, SIZE_MAX / 4);
    p = realloc(p, 0);
    p = realloc(NULL, 5);
    free(p);
    free(NULL);
    free(calloc(3, 7));
    none = calloc(SIZE_MAX / 4, 8);
    void *q = NULL;
    if (posix_memalign(&q, 64, 10)) return 1;
    free(q);
    free(memalign(128, 10));
    free(aligned_alloc(256, 512));
    free(valloc(1));
    free(pvalloc(1));
    p = reallocarray(NULL, 3, 3);
    p = reallocarray(p, 4, 4);
    none = reallocarray(p, SIZE_MAX, 2);
    free(p);
    return malloc_usable_size(NULL) != 0;
}
C
for stacks in none caller fp cfi; do
    record "-s $stacks" ./known
    is malloc 3
    is calloc 1
    is aligned 5
    is realloc 2
    is realloc_failed 1
    is realloc_takes 3
    is free 9
    is events 24
    is bad 0
done

cat >kinds.cpp <<'CPP'
#include <cstdlib>
#include <new>
struct alignas(64) wide { char bytes[64]; };
static void *volatile keep;
template <class T> static T *kept(T *block) { keep = block; return block; }
int main()
{
    delete kept(new int);
    delete[] kept(new int[5]);
    delete kept(new wide);
    delete[] kept(new wide[2]);
    delete kept(new (std::nothrow) int);
    ::operator delete(kept(static_cast<int *>(::operator new(40))), std::size_t(40));
    ::operator delete(kept(static_cast<int *>(::operator new(4))), std::nothrow);
    try {
        volatile std::size_t much = std::size_t(-1) / 4;
        kept(static_cast<int *>(::operator new(much)));
        return 1;
    } catch (const std::bad_alloc &) {
        return 0;
    }
}
CPP
"$CXX" -std=c++17 -O1 -fno-builtin kinds.cpp -o kinds || fail "kinds.cpp does not compile"
for stacks in none cfi; do
    record "-s $stacks -f" ./kinds
    is new 4
    is new_array 1
    is new_aligned 1
    is new_array_aligned 1
    is delete 4
    is delete_array 1
    is delete_aligned 1
    is delete_array_aligned 1
    is bad 0
done

# A recording that is paused sees nothing, one that goes on and off never a record by halves.
record "-p" ./known
is events 0
compile many <<'C'
#include <stdlib.h>
int main(void)
{
    for (int i = 0; i < 500000; i++) free(malloc(32));
    return 0;
}
C
record "-t -s cfi" ./many
at_least events 1
is bad 0

# A slow reader is waited for, or what it misses is counted: never lost without a word.
record "-w" ./many
is events 1000000
is gaps 0
record "-w -d" ./many
[[ $(($(came events) + $(came gaps))) == 1000000 ]] || fail "events are missing: $(cat out)"
at_least gaps 1
is bad 0
finish
