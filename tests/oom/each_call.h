/* SPDX-License-Identifier: MIT
 * each_call.h: a script is run once for each call to the system that it makes, with that call failing,
 * and once more with all calls failing from that one on. */
#ifndef TEST_EACH_CALL_H
#define TEST_EACH_CALL_H

#include "build.h"
#include "expect.h"
#include "faults.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_CALLS = 400, PLAN_DID_NOT_FIRE = 42 };

/* A whole life of what is tested; arms the plan while it wants calls to fail. */
typedef void life_fn(void);

/* In a process of its own, so that also what happens once in a process can fail. False: the plan
 * named a call that is never made. */
static inline bool try_plan(life_fn *life, call_kind kind, size_t at, bool for_ever)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        *expect_here() = (expect_note){call_names[kind], at};
        faults_plan(kind, at, for_ever);
        life();
        keep_counts();
        _exit(atomic_load(&faults.fired) ? 0 : PLAN_DID_NOT_FIRE);
    }
    EXPECT(waitpid(child, &status, 0) == child);
    bool idle = WIFEXITED(status) && WEXITSTATUS(status) == PLAN_DID_NOT_FIRE;
    EXPECT_AT(idle || status == 0, status, at);
    return !idle;
}

/* With every k-th call, until a run makes fewer; behind the first `dense` ones, and where a run takes
 * long, with each seventh. Returns how many runs there were in which one failed. */
static inline size_t each_call(life_fn *life, call_kind kind, bool for_ever, size_t dense)
{
    size_t at = 1, tried = 0;
    if (!TEST_OPTIMIZED && dense > 10) dense = 10;
    while (at < MOST_CALLS && try_plan(life, kind, at, for_ever)) {
        at += at < dense ? 1 : 7;
        tried++;
    }
    EXPECT_AT(at < MOST_CALLS, at, 0);
    printf("%s %s: %zu runs\n", call_names[kind], for_ever ? "for ever" : "once", tried);
    return tried;
}

/* Each kind of call; madvise repeats itself. All that is tested maps memory and gives it back. */
static inline void each_kind(life_fn *life, bool for_ever)
{
    for (call_kind kind = 0; kind < CALLS; kind++) {
        size_t tried = each_call(life, kind, for_ever, kind == CALL_MADVISE ? 10 : 25);
        EXPECT_AT(tried > 0 || (kind != CALL_MMAP && kind != CALL_MUNMAP), kind, tried);
    }
}

#endif /* TEST_EACH_CALL_H */
