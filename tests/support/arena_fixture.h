/* SPDX-License-Identifier: MIT
 * arena_fixture.h: a page source that counts, poisons and fails when told to, and what must hold for
 * an arena's figures at any time. */
#ifndef TEST_ARENA_FIXTURE_H
#define TEST_ARENA_FIXTURE_H

#include "build.h"
#include "expect.h"

#include <poolkit/arena.h>
#include <stdlib.h>
#include <string.h>

/* What a block of `n` bytes takes up, and how much of that may be used. */
static inline size_t arena_gap(void) { return pools_are_watched() ? 16 : 0; }

static inline size_t arena_rounded(size_t n) { return (n ? (n + 15) / 16 * 16 : 16) + arena_gap(); }

static inline size_t arena_usable(size_t n)
{
    return pools_are_watched() ? (n ? n : 1) : arena_rounded(n);
}

/* What is left in the newest chunk, told by the figures: a watched arena has ptr == end. */
static inline size_t arena_room(const pk_arena *arena)
{
    pk_stats s;
    pk_arena_stats(arena, &s);
    return (size_t)s.untouched;
}

/* Every byte that it hands out is 0xA5; every piece that it takes back must be one of its own. */
typedef struct {
    size_t maps, unmaps; /* calls that succeeded                    */
    size_t calls;        /* of map, failed ones included            */
    size_t fail_at;      /* this call of map fails, counted from 1  */
    bool fail_all;       /* and all of them do                      */
    size_t bytes, most;  /* out now, and at most                    */
    size_t n_pieces;     /* pieces that are out                     */
    struct {
        void *p;
        size_t n;
    } piece[512];
} test_source;

static inline void *test_source_map(void *ctx, size_t n, size_t align, unsigned *got)
{
    test_source *s = ctx;
    s->calls++;
    if (s->fail_all || s->calls == s->fail_at) return NULL;
    EXPECT_AT(align > 0 && (align & (align - 1)) == 0, align, n);
    EXPECT_AT(n > 0 && s->n_pieces < sizeof s->piece / sizeof *s->piece, n, s->n_pieces);
    void *p = NULL;
    if (n > PTRDIFF_MAX / 4 || posix_memalign(&p, align < 16 ? 16 : align, n) != 0) return NULL;
    memset(p, 0xA5, n);
    s->piece[s->n_pieces].p = p;
    s->piece[s->n_pieces++].n = n;
    s->maps++;
    s->bytes += n;
    if (s->bytes > s->most) s->most = s->bytes;
    *got = 0;
    return p;
}

static inline void test_source_unmap(void *ctx, void *p, size_t n)
{
    test_source *s = ctx;
    size_t i = 0;
    while (i < s->n_pieces && s->piece[i].p != p) i++;
    EXPECT_AT(i < s->n_pieces, (uintptr_t)p, n);
    EXPECT_AT(s->piece[i].n == n, s->piece[i].n, n);
    s->piece[i] = s->piece[--s->n_pieces];
    s->unmaps++;
    s->bytes -= n;
    memset(p, 0xDD, n);
    free(p);
}

static inline pk_page_source test_source_make(test_source *s)
{
    static const pk_page_source_ops ops = {
        .size = sizeof ops, .map = test_source_map, .unmap = test_source_unmap, .granule = 16};
    *s = (test_source){0};
    return (pk_page_source){&ops, s};
}

/* Everything that it handed out came back. */
static inline void test_source_is_even(const test_source *s)
{
    EXPECT_AT(s->maps == s->unmaps, s->maps, s->unmaps);
    EXPECT_AT(s->bytes == 0 && s->n_pieces == 0, s->bytes, s->n_pieces);
}

typedef struct {
    uint64_t used, size, chunks;
} arena_walked;

static inline bool arena_walk_add(void *arg, void *begin, size_t used, size_t size)
{
    arena_walked *w = arg;
    EXPECT_AT(begin != NULL && used <= size, used, size);
    w->used += used;
    w->size += size;
    w->chunks++;
    return true;
}

/* The figures, after a look whether they agree with each other and with the walk. */
static inline pk_stats arena_figures(const pk_arena *arena)
{
    pk_stats s;
    arena_walked w = {0};
    memset(&s, 0xEE, sizeof s);
    pk_arena_stats(arena, &s);
    EXPECT(s.size == sizeof s && s.name != NULL && s.n_live == 0);
    EXPECT_AT(s.committed == s.live + s.free_in_chunks + s.untouched + s.overhead, s.committed,
              s.live);
    EXPECT_AT(s.committed <= s.committed_peak, s.committed, s.committed_peak);
    EXPECT_AT(s.limit == 0 || s.committed_peak <= s.limit, s.committed_peak, s.limit);
    EXPECT(pk_arena_walk(arena, arena_walk_add, &w));
    EXPECT_AT(w.used == s.live, w.used, s.live);
    EXPECT_AT(w.chunks <= s.n_chunks && w.size <= s.committed, w.chunks, s.n_chunks);
    return s;
}

/* True if nothing was given, taken or moved between the two. */
static inline bool arena_same_figures(const pk_stats *a, const pk_stats *b)
{
    return a->live == b->live && a->committed == b->committed && a->n_chunks == b->n_chunks &&
           a->untouched == b->untouched && a->free_in_chunks == b->free_in_chunks;
}

static inline bool arena_is_zero(const pk_arena *arena)
{
    return !arena->ptr && !arena->end && !arena->chunk && !arena->defers && !arena->ext;
}

#endif /* TEST_ARENA_FIXTURE_H */
