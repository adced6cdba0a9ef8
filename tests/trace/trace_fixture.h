/* SPDX-License-Identifier: MIT
 * trace_fixture.h: traces in a temporary file, and events to put into them. */
#ifndef TEST_TRACE_FIXTURE_H
#define TEST_TRACE_FIXTURE_H

#include "expect.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/trace.h"

static char test_path[64];
static char test_why[TRACE_WHY];

/* What trace_read fills. */
static inline struct trace_event *test_events(void)
{
    static struct trace_event events[TRACE_BLOCK];
    return events;
}

static inline void test_path_make(void)
{
    strcpy(test_path, "/tmp/poolkit-trace-XXXXXX");
    int fd = mkstemp(test_path);
    EXPECT(fd >= 0);
    close(fd);
}

static inline void test_path_remove(void) { unlink(test_path); }

static inline struct trace_info test_info(void)
{
    return (struct trace_info){.command = "make all",
                               .program = "/usr/bin/make",
                               .host = "Linux",
                               .allocator = "glibc 2.36",
                               .stacks = "cfi",
                               .pid = 4711,
                               .parent = 1,
                               .wall = 1700000000,
                               .base_anonymous = 123456,
                               .forked = true};
}

static inline struct trace_writer *test_create(void)
{
    struct trace_info info = test_info();
    struct trace_writer *w = trace_create(test_path, &info, test_why);
    EXPECT(w != NULL);
    return w;
}

static inline void test_close(struct trace_writer *w)
{
    if (trace_close(w, true, test_why)) return;
    fprintf(stderr, "%s\n", test_why);
    abort();
}

static inline struct trace *test_open(void)
{
    struct trace *t = trace_open(test_path, test_why);
    if (t) return t;
    fprintf(stderr, "%s\n", test_why);
    abort();
}

static inline uint8_t test_op(rng *r)
{
    size_t op = rng_below(r, TRACE_COMES_END + TRACE_OP_END - TRACE_FREE);
    return (uint8_t)(op < TRACE_COMES_END ? op : op - TRACE_COMES_END + TRACE_FREE);
}

/* Any event that can be: numbers of all lengths, addresses that come again. Stacks are below 64K. */
static inline struct trace_event test_any_event(rng *r, uint64_t time)
{
    static const uint64_t common[] = {0x5555000010, 0x5555000020, 0x5555000040, 0x5555000100};
    struct trace_event e = {.time = time,
                            .address = rng_next(r) >> rng_below(r, 64),
                            .size = rng_next(r) >> rng_below(r, 64),
                            .stack = (uint32_t)(rng_next(r) & 0xffff) >> rng_below(r, 17),
                            .thread = (uint16_t)((rng_next(r) & 0xffff) >> rng_below(r, 17)),
                            .op = test_op(r),
                            .align = (uint8_t)rng_below(r, 64)};
    if (rng_below(r, 2)) e.address = common[rng_below(r, 4)];
    return e;
}

static inline bool test_same_event(const struct trace_event *a, const struct trace_event *b)
{
    return a->time == b->time && a->address == b->address && a->size == b->size &&
           a->stack == b->stack && a->thread == b->thread && a->op == b->op && a->align == b->align;
}

/* A program that a recorder might see: three threads, a few stacks, blocks that die soon. */
typedef struct {
    rng random;
    uint64_t time;
    uint64_t live[64];
    unsigned n;
} test_program;

static inline struct trace_event test_program_event(test_program *p)
{
    rng *r = &p->random;
    struct trace_event e = {.time = p->time += rng_below(r, 5) * TRACE_TICK,
                            .thread = (uint16_t)rng_below(r, 3)};
    if (p->n == 64 || (p->n > 0 && rng_below(r, 2))) {
        unsigned i = (unsigned)rng_below(r, p->n);
        e.op = TRACE_FREE;
        e.address = p->live[i];
        p->live[i] = p->live[--p->n];
        return e;
    }
    e.op = TRACE_MALLOC;
    e.size = 16 * (1 + rng_below(r, 8));
    e.stack = (uint32_t)(1 + rng_below(r, 20));
    e.address = 0x7f0000000000 + 16 * (rng_next(r) & 0xffffff);
    p->live[p->n++] = e.address;
    return e;
}

static inline void test_put_stacks(struct trace_writer *w, uint32_t n)
{
    for (uint32_t stack = 1; stack <= n; stack++) {
        uint64_t frames[4] = {0x401000 + stack * 16, 0x402000 + stack / 4 * 16, 0x403000, 0x404000};
        EXPECT(trace_put_stack(w, stack, frames, 4));
    }
}

#endif /* TEST_TRACE_FIXTURE_H */
