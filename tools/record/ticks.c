/* SPDX-License-Identifier: MIT
 * ticks.c: which clock the events have, and how fast it runs.
 */
#include "record/ticks.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The two readings are off by some 30 ns each: over this long that is 1 in 100,000. */
#define SETTLE_NS UINT64_C(5000000)
#define READINGS 8

uint64_t ticks_monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#if defined(__x86_64__)
/* The fence: what is read from memory after the clock is read after it (merge.c needs that). */
static uint64_t counter(void)
{
    uint64_t ticks = __builtin_ia32_rdtsc();
    __builtin_ia32_lfence();
    return ticks;
}

/* The counter is a clock only if it neither stops nor changes its pace. */
static bool counter_is_steady(void)
{
    char line[8192];
    bool steady = false;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && !steady && fgets(line, sizeof line, file)) {
        steady = strncmp(line, "flags", 5) == 0 && strstr(line, " constant_tsc") &&
                 strstr(line, " nonstop_tsc");
    }
    if (file) {
        fclose(file);
    }
    return steady;
}
#else
static uint64_t counter(void) { return ticks_monotonic(); }
static bool counter_is_steady(void) { return false; }
#endif

/* Of several pairs of readings the one that was least disturbed. */
static void read_both(uint64_t *ticks, uint64_t *ns)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < READINGS; i++) {
        uint64_t before = counter(), between = ticks_monotonic(), after = counter();
        if (after - before < best) {
            best = after - before;
            *ticks = before + (after - before) / 2;
            *ns = between;
        }
    }
}

void ticks_begin(struct ticks *t)
{
    t->clock = counter_is_steady() ? PKI_CLOCK_TSC : PKI_CLOCK_MONOTONIC;
    t->rate = UINT64_C(1) << 32;
    read_both(&t->first, &t->first_ns);
}

void ticks_settle(struct ticks *t)
{
    if (t->clock == PKI_CLOCK_MONOTONIC) {
        return;
    }
    uint64_t passed = ticks_monotonic() - t->first_ns, ticks, ns;
    if (passed < SETTLE_NS) {
        nanosleep(&(struct timespec){.tv_nsec = (long)(SETTLE_NS - passed)}, NULL);
    }
    read_both(&ticks, &ns);
    t->rate = (uint64_t)(((ticks_wide)(ns - t->first_ns) << 32) / (ticks - t->first));
}

uint64_t ticks_now(const struct ticks *t)
{
    return t->clock == PKI_CLOCK_TSC ? counter() : ticks_monotonic();
}
