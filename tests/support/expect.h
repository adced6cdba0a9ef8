/* SPDX-License-Identifier: MIT
 * expect.h: assertions for loops, for threads and for the fuzz target. They cost one branch while
 * they hold (Check's own write a record each time) and abort when they do not, which Check's fork
 * mode reports as a failed test and a debugger or a fuzzer stops at. */
#ifndef TEST_EXPECT_H
#define TEST_EXPECT_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What is being tried, for the message: a test may set it; the model puts its operation here. */
typedef struct {
    const char *what;
    uint64_t number;
} expect_note;

static inline expect_note *expect_here(void)
{
    static _Thread_local expect_note here;
    return &here;
}

_Noreturn static inline void expect_failed(const char *file, int line, const char *text, uint64_t a,
                                           uint64_t b)
{
    const expect_note *here = expect_here();
    fprintf(stderr, "%s:%d: expected %s (a = %" PRIu64 ", b = %" PRIu64 ")", file, line, text, a,
            b);
    if (here->what) fprintf(stderr, " in %s %" PRIu64, here->what, here->number);
    fputc('\n', stderr);
    fflush(NULL);
    abort();
}

/* EXPECT_AT also prints two numbers that say where a loop was. */
#define EXPECT_AT(cond, a, b)                                                                      \
    ((cond) ? (void)0 : expect_failed(__FILE__, __LINE__, #cond, (uint64_t)(a), (uint64_t)(b)))
#define EXPECT(cond) EXPECT_AT(cond, 0, 0)

#endif /* TEST_EXPECT_H */
