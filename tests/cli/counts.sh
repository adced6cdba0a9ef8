#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# counts.sh: allocations and peak live bytes are exact, in threads, children and C++ too.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"
command -v python3 >/dev/null || skip "no python3"
[[ -e $POOLKIT_BUILD/libpoolkit-count.so ]] || skip "no libpoolkit-count.so"

count() {
    run 0 "$poolkit" compare -n 1 --warmup 0 --json=r.json -- "$@"
}

# 1000 of 100 bytes, 500 freed, one grown to 1,000,000, 10,000 zeroed, 64 aligned: at the peak
# 499 * 100 + 1,000,000 + 10,000 + 64 bytes. What an allocator takes for itself is not counted.
cat >known.c <<'C'
#include <stdlib.h>
#include <string.h>
int main(void)
{
    static char *block[1000];
    for (int i = 0; i < 1000; i++) {
        block[i] = malloc(100);
        memset(block[i], 1, 100);
    }
    for (int i = 0; i < 500; i++) {
        free(block[i]);
    }
    char *grown = realloc(block[500], 1000000), *zeroed = calloc(10, 1000);
    void *aligned;
    if (!grown || !zeroed || posix_memalign(&aligned, 64, 64)) {
        return 1;
    }
    memset(grown, 1, 1000000);
    free(grown);
    free(zeroed);
    free(aligned);
    return 0;
}
C
"$CC" -O0 known.c -o known || fail "the compiler does not work"
count ./known
for name in system poolkit; do
    is r.json "[a('$name')[k]['median'] for k in
        ('allocations', 'frees', 'reallocs', 'peak_live_bytes', 'processes')]" \
        "[1002, 503, 1, 1059964, 1]"
    is r.json "1 <= a('$name')['fragmentation']['median'] < 8" True
done

# Four threads, each 50,000 pairs; their peaks add up to at most 4 blocks of 1000 bytes.
cat >threads.c <<'C'
#include <pthread.h>
#include <stdlib.h>
static void *work(void *arg)
{
    for (int i = 0; i < 50000; i++) {
        char *volatile block = malloc(1000);
        free(block);
    }
    return arg;
}
int main(void)
{
    pthread_t thread[4];
    char *volatile kept = malloc(5000000);
    for (int i = 0; i < 4; i++) {
        pthread_create(&thread[i], NULL, work, NULL);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    free(kept);
    return 0;
}
C
"$CC" -O0 -pthread threads.c -o threads || fail "the compiler does not work"
count ./threads
is r.json '200001 <= a("system")["allocations"]["median"] < 200200' True
is r.json '5001000 <= a("system")["peak_live_bytes"]["median"] < 5010000' True

# A child counts for itself, also when it ends by _exit.
cat >forks.c <<'C'
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    char *volatile block = malloc(2000000);
    if (fork() == 0) {
        for (int i = 0; i < 100; i++) {
            block = malloc(10);
        }
        _exit(0);
    }
    wait(NULL);
    free(block);
    return 0;
}
C
"$CC" -O0 forks.c -o forks || fail "the compiler does not work"
count ./forks
is r.json '[a("system")[k]["median"] for k in ("allocations", "processes", "peak_live_bytes")]' \
    "[101, 2, 2001000]"

# operator new is counted once, and still throws.
if command -v "${CXX:-c++}" >/dev/null; then
    cat >new.cc <<'C'
#include <new>
int main()
{
    for (int i = 0; i < 1000; i++) {
        delete new int[100];
    }
    struct alignas(128) wide {
        char c[128];
    };
    delete new wide;
    try {
        char *volatile huge = new char[static_cast<unsigned long>(-1) / 4];
        (void)huge;
    } catch (const std::bad_alloc &) {
        return 0;
    }
    return 1;
}
C
    "${CXX:-c++}" -std=c++17 -O0 -w new.cc -o new || fail "the C++ compiler does not work"
    count ./new
    is r.json '1001 <= a("system")["allocations"]["median"] <= 1010' True
fi
finish
