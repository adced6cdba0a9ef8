/* SPDX-License-Identifier: MIT
 * block_fixture.h: what must hold for a block pool at any time, and the kinds of pools that each test
 * is to be run with. */
#ifndef TEST_BLOCK_FIXTURE_H
#define TEST_BLOCK_FIXTURE_H

#include "arena_fixture.h" /* the page source that counts */
#include "build.h"
#include "expect.h"

#include <errno.h>
#include <poolkit/block_pool.h>
#include <string.h>

/* All combinations of PK_ZERO, PK_CHECKED, PK_HANDLES. */
enum { BLOCK_FLAGS = 8 };

/* The figures, after a look whether they add up. */
static inline pk_stats block_figures(const pk_block_pool *pool)
{
    pk_stats s;
    memset(&s, 0xEE, sizeof s);
    pk_block_pool_stats(pool, &s);
    EXPECT_AT(s.size == sizeof s && s.name != NULL, s.size, sizeof s);
    EXPECT_AT(s.committed == s.live + s.free_in_chunks + s.untouched + s.overhead, s.committed,
              s.live);
    EXPECT_AT(s.committed <= s.committed_peak, s.committed, s.committed_peak);
    EXPECT_AT(s.overhead <= s.committed, s.overhead, s.committed);
    EXPECT_AT(s.pinned_by_live <= s.free_in_chunks + s.untouched, s.pinned_by_live, s.untouched);
    EXPECT_AT((s.n_live == 0) == (s.live == 0), s.n_live, s.live);
    return s;
}

/* The figures, after a look at all records. Empties the stack. */
static inline pk_stats block_sound(pk_block_pool *pool)
{
    char text[256] = "";
    pk_stats before = block_figures(pool);
    size_t broken = pk_block_pool_audit(pool, text, sizeof text);
    if (broken != 0) fprintf(stderr, "audit: %s\n", text);
    EXPECT_AT(broken == 0, broken, 0);
    pk_stats after = block_figures(pool);
    EXPECT_AT(before.n_live == after.n_live && before.live == after.live, before.n_live,
              after.n_live);
    return after;
}

static inline void block_open(pk_block_pool *pool, pk_block_pool_opts opts)
{
    pk_status status = pk_block_pool_init(pool, &opts);
    EXPECT_AT(status == PK_OK, opts.block_size, -status);
}

static inline void *block_get(pk_block_pool *pool)
{
    void *p = pk_block_pool_alloc(pool);
    EXPECT(p != NULL);
    return p;
}

/* An allocation fails with this error and changes no figure. */
static inline void block_refused(pk_block_pool *pool, int error)
{
    pk_stats before = block_figures(pool);
    errno = 0;
    EXPECT(pk_block_pool_alloc(pool) == NULL);
    EXPECT_AT(errno == error, errno, error);
    pk_stats after = block_figures(pool);
    EXPECT_AT(before.n_live == after.n_live && before.committed == after.committed, before.n_live,
              after.n_live);
}

static inline size_t block_count_live(pk_block_pool *pool)
{
    size_t n = 0;
    for (void *p = NULL; (p = pk_block_pool_next_live(pool, p)) != NULL;) n++;
    return n;
}

#endif /* TEST_BLOCK_FIXTURE_H */
