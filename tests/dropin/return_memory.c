/* SPDX-License-Identifier: MIT */
/*
 * Memory goes back to the system: after 200 MB of small blocks are freed, malloc_trim leaves less
 * than a quarter resident; and the next use works as before. In the order of allocation, backwards,
 * at random, and freed by another thread than the one that allocated.
 */
#include "check.h"

enum { count = 200000, size = 1000 };

static unsigned char *block[count];

static void fill(void)
{
    for (size_t i = 0; i < count; i++) {
        block[i] = malloc(size);
        REQUIRE(block[i] != NULL);
        memset(block[i], 1, size);
    }
}

static void *fill_in_thread(void *arg)
{
    (void)arg;
    fill();
    return NULL;
}

static void shuffle(void)
{
    check_rng r = {UINT64_C(0xbb67ae8584caa73b)};
    for (size_t i = count - 1; i > 0; i--) {
        size_t k = rng_below(&r, i + 1);
        unsigned char *p = block[i];
        block[i] = block[k];
        block[k] = p;
    }
}

static void freed(const char *order, size_t before)
{
    size_t peak = check_status_kib("VmRSS:");
    for (size_t i = 0; i < count; i++) free(block[i]);
    malloc_trim(0);
    size_t after = check_status_kib("VmRSS:");
    CHECKF(after - before < (peak - before) / 4, "%s: %zu KiB at peak, %zu after trim", order, peak,
           after);
}

int main(void)
{
    check_time_limit(60);
    memset(block, 1, sizeof block);
    size_t before = check_status_kib("VmRSS:");
    fill();
    freed("in order", before);
    fill();
    for (size_t i = 0; i < count / 2; i++) {
        unsigned char *p = block[i];
        block[i] = block[count - 1 - i];
        block[count - 1 - i] = p;
    }
    freed("backwards", before);
    fill();
    shuffle();
    freed("at random", before);
    pthread_t t;
    REQUIRE_OK(pthread_create(&t, NULL, fill_in_thread, NULL));
    REQUIRE_OK(pthread_join(t, NULL));
    shuffle();
    freed("by another thread", before);
    return check_result();
}
