/* SPDX-License-Identifier: MIT */
/*
 * 20,000 short threads, 4 at a time. Each allocates, frees what an earlier thread left and leaves a
 * block behind. What exited threads held must be adopted: memory stays flat from the 2,000th on.
 */
#include "check.h"

enum { rounds = 5000, at_once = 4, left = 256, growth_kib = 2048 };

static unsigned char *leftover[left];

static void *short_life(void *arg)
{
    size_t id = (size_t)(uintptr_t)arg;
    check_rng r = {id * UINT64_C(0x9e3779b97f4a7c15) + 1};
    unsigned char *mine[40];
    for (size_t i = 0; i < 40; i++) {
        size_t n = rng_size(&r, 11);
        mine[i] = malloc(n);
        REQUIRE(mine[i] != NULL);
        mine[i][0] = mine[i][n - 1] = 1;
    }
    for (size_t i = 0; i < 40; i++) free(mine[i]);
    unsigned char *p = malloc(16 + id % 2000);
    REQUIRE(p != NULL);
    pattern_fill(p, 16, 99);
    p = __atomic_exchange_n(&leftover[id % left], p, __ATOMIC_ACQ_REL);
    if (p != NULL) CHECK(pattern_check(p, 16, 99) == 16);
    free(p);
    return NULL;
}

int main(void)
{
    check_time_limit(90);
    size_t early = 0;
    for (size_t round = 0; round < rounds; round++) {
        pthread_t t[at_once];
        for (size_t i = 0; i < at_once; i++)
            REQUIRE_OK(
                pthread_create(&t[i], NULL, short_life, (void *)(uintptr_t)(round * at_once + i)));
        for (size_t i = 0; i < at_once; i++) REQUIRE_OK(pthread_join(t[i], NULL));
        if (round == 2000 / at_once) early = check_status_kib("VmRSS:");
    }
    size_t late = check_status_kib("VmRSS:");
    CHECKF(late <= early + growth_kib, "grew from %zu to %zu KiB", early, late);
    for (size_t i = 0; i < left; i++) free(leftover[i]);
    return check_result();
}
