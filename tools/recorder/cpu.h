/* SPDX-License-Identifier: MIT
 * cpu.h: what depends on the processor: its clock, and whether its unwind tables are understood.
 */
#ifndef POOLKIT_RECORDER_CPU_H
#define POOLKIT_RECORDER_CPU_H

#include <stdint.h>
#include <time.h>

static inline uint64_t pki_clock_monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Only read if the command has found that it counts at one speed, always, on all processors. */
#if defined(__x86_64__)
#define PKI_HAS_CFI 1
static inline uint64_t pki_clock_tsc(void) { return __builtin_ia32_rdtsc(); }
#else
#define PKI_HAS_CFI 0
static inline uint64_t pki_clock_tsc(void) { return pki_clock_monotonic(); }
#endif

#endif
