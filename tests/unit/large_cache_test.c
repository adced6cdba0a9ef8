/* SPDX-License-Identifier: MIT
 * large_cache_test.c: src/slab/large_cache.c and large_resize.c: new large blocks are filled with the
 * pages of freed ones; how many of these are kept. */
#include "build.h"
#include "os/process.h"
#include "pages_fixture.h"
#include "pattern.h"
#include "runner.h"
#include "slab/large.h"
#include "space_fixture.h"

enum { FREED = 4 };

static char *take(size_t size, bool *zero)
{
    pk_status why = PK_OK;
    bool dummy;
    char *p = pki_space_take_large(&space, size, 16, zero ? zero : &dummy, &why);
    EXPECT_AT(p && pki_large_at(p), size, 0);
    return p;
}

static char *take_filled(size_t size, uint64_t tag)
{
    char *p = take(size, NULL);
    pattern_fill(p, size, tag);
    return p;
}

static void give(char *p) { pki_space_give_large(&space, pki_large_at(p)); }

static char *resize(char *p, size_t size)
{
    pk_status why = PK_OK;
    return pki_space_resize_large(&space, pki_large_at(p), size, true, &why);
}

/* Everything that is freed from now on is kept. */
static void keep_all(void) { space.large_wanted = 256 * MIB; }

static size_t pages(size_t bytes) { return bytes / pki_os_page_size(); }

/* Frees one block of each size, the k-th in the k-th place of the order. */
static void free_in_order(const size_t *size, const unsigned *order)
{
    char *p[FREED];
    for (size_t i = 0; i < FREED; i++) p[i] = take_filled(size[i], i);
    keep_all();
    for (size_t i = 0; i < FREED; i++) give(p[order[i]]);
}

static bool next_order(unsigned *order)
{
    unsigned i = FREED - 1, k = FREED - 1;
    while (i > 0 && order[i - 1] > order[i]) i--;
    if (i == 0) return false;
    while (order[k] < order[i - 1]) k--;
    unsigned swap = order[i - 1];
    order[i - 1] = order[k];
    order[k] = swap;
    for (unsigned a = i, b = FREED - 1; a < b; a++, b--) {
        unsigned kept = order[a];
        order[a] = order[b];
        order[b] = kept;
    }
    return true;
}

/* -- pages of freed blocks -- */

/* In whatever order blocks were freed, one of any size takes no page from the system while there are
 * some of theirs, and what it takes from none is zero. */
START_TEST(filled_from_freed_in_all_orders)
{
    static const size_t size[FREED] = {1100 * KIB, 2 * MIB, 3 * MIB + 4 * KIB, 5 * MIB};
    unsigned order[FREED] = {0, 1, 2, 3};
    size_t orders = 0, heads = FREED;
    do {
        for (size_t need = MIB; need <= 13 * MIB; need += 1234567) {
            free_in_order(size, order);
            size_t had = space.large_cached;
            bool zero = true;
            char *p = take(need, &zero);
            size_t got = pki_large_at(p)->usable;
            EXPECT_AT(!zero && pki_large_at(p)->n_pieces <= PKI_LARGE_PIECES, need, orders);
            if (memory_is_measurable()) {
                size_t warm = pages(pki_min(got, had)), is = resident_pages(p, got);
                EXPECT_AT(is + heads + 1 >= warm, is, warm);
            }
            EXPECT_AT(space.large_cached <= had - pki_min(had, need), space.large_cached, need);
            pattern_fill(p, need, 9);
            space_is_sound();
            EXPECT_AT(pattern_holds(p, need, need, 9), need, orders);
            give(p);
            pki_space_trim(&space, 0);
            EXPECT(space.large_cached == 0 && space.used == 0);
        }
        orders++;
    } while (next_order(order));
    EXPECT_AT(orders == 24, orders, 0);
}
END_TEST

/* What is taken from a freed block is its end; what remains is still one that was freed. */
START_TEST(end_is_taken_rest_remains)
{
    char *p = take_filled(8 * MIB, 1);
    pki_large *freed = pki_large_at(p);
    size_t mapped = freed->mapped;
    keep_all();
    give(p);
    char *q = take(2 * MIB, NULL);
    EXPECT(q != p && pki_large_at(p) == freed && freed->cached);
    EXPECT(freed->mapped == mapped - 2 * MIB && space.large_cached == freed->mapped);
    EXPECT(page_is_mapped(p) && !page_is_mapped(p + 6 * MIB));
    EXPECT(memcmp(q, "\0\0\0\0\0\0\0\0", 8) != 0); /* as it was left */
    char *r = take(6 * MIB, NULL);                 /* what remains fits as it is */
    EXPECT(r == p && space.large_cached == 0);
}
END_TEST

START_TEST(shortest_that_has_all_gives)
{
    char *p[3] = {take(9 * MIB, NULL), take(4 * MIB, NULL), take(6 * MIB, NULL)};
    keep_all();
    for (size_t i = 0; i < 3; i++) give(p[i]);
    (void)take(3 * MIB, NULL);
    EXPECT(pki_large_at(p[1])->mapped < 2 * MIB && pki_large_at(p[2])->mapped > 6 * MIB);
    (void)take(11 * MIB, NULL); /* nobody has all: the longest, then of the others */
    EXPECT(!pki_large_at(p[0]) && pki_large_at(p[2]));
}
END_TEST

/* Put together, freed, put together again from parts of parts. */
START_TEST(pieces_are_bounded)
{
    uint64_t sizes = 7;
    char *p[6] = {0};
    size_t size[6];
    keep_all();
    for (size_t n = 0; n < 300; n++) {
        size_t i = n % 6;
        if (p[i]) {
            EXPECT_AT(pattern_holds(p[i], size[i], size[i], i), n, size[i]);
            give(p[i]);
        }
        sizes = sizes * 6364136223846793005u + 1442695040888963407u;
        size[i] = MIB + (sizes >> 40) % (8 * MIB);
        p[i] = take_filled(size[i], i);
        EXPECT_AT(pki_large_at(p[i])->n_pieces <= PKI_LARGE_PIECES, n, i);
        space_is_sound();
    }
}
END_TEST

/* -- pages of dirty slabs -- */

START_TEST(filled_from_dirty_slabs)
{
    if (!contents_can_be_moved()) return;
    pk_status why = PK_OK;
    bool zero;
    char *run[3];
    for (size_t i = 0; i < 3; i++) {
        run[i] = pki_space_take_run(&space, 8, 8 * PKI_SLAB_SIZE, &zero, &why);
        EXPECT(run[i] && zero);
        memset(run[i], 1, 8 * PKI_SLAB_SIZE);
    }
    pki_space_give_run(&space, pki_slab_of(run[0]));
    pki_space_give_run(&space, pki_slab_of(run[2]));
    char *p = take(MIB + 100 * KIB, &zero); /* two runs, and some pages of its own */
    EXPECT(!zero && p[0] == 1 && p[MIB - 1] == 1 && p[MIB] == 0);
    EXPECT(space.dirty_slabs == 0 && run[1][0] == 1 && page_is_mapped(run[0]));
    space_is_sound();
    char *again = pki_space_take_run(&space, 8, 8 * PKI_SLAB_SIZE, &zero, &why);
    EXPECT(zero && again[0] == 0 && pattern_zero(again, 8 * PKI_SLAB_SIZE, MIB));
    give(p);
    pki_space_give_run(&space, pki_slab_of(run[1]));
    pki_space_give_run(&space, pki_slab_of(again));
}
END_TEST

/* A slab of which only a part went may still be resident. */
START_TEST(part_of_a_slab_stays_dirty)
{
    if (!contents_can_be_moved()) return;
    pk_status why = PK_OK;
    bool zero;
    char *run = pki_space_take_run(&space, 32, 32 * PKI_SLAB_SIZE, &zero, &why);
    memset(run, 1, 32 * PKI_SLAB_SIZE);
    pki_space_give_run(&space, pki_slab_of(run));
    char *p = take(MIB + 4 * KIB, &zero);
    EXPECT(!zero && p[MIB] == 1);
    EXPECT_AT(space.dirty_slabs == 16, space.dirty_slabs, 0);
    space_is_sound();
    give(p);
}
END_TEST

/* -- longer, shorter, elsewhere -- */

/* A block of several pieces, the k-th byte as pattern_fill makes it. */
static char *take_pieced(size_t size, uint64_t tag)
{
    char *a = take_filled(2 * MIB, 1), *b = take_filled(3 * MIB, 2);
    keep_all();
    give(a);
    give(b);
    char *p = take_filled(size, tag);
    EXPECT(pki_large_at(p)->n_pieces >= 3);
    return p;
}

static void build_wall(char *p)
{
    char *end = p + pki_large_at(p)->usable;
    if (page_is_mapped(end)) return;
    void *wall = mmap(end, pki_os_page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(wall == end);
}

START_TEST(pieces_move_together)
{
    if (!contents_can_be_moved()) return;
    char *p = take_pieced(6 * MIB, 3);
    unsigned n = pki_large_at(p)->n_pieces;
    build_wall(p);
    char *q = resize(p, 15 * MIB);
    EXPECT(q && q != p && pki_large_at(q)->n_pieces == n && !page_is_mapped(p));
    EXPECT(pattern_holds(q, 6 * MIB, 6 * MIB, 3));
    EXPECT(pattern_zero(q + 6 * MIB, 9 * MIB, 16 * MIB));
    EXPECT(!pki_registry_has(p) && space.used == pki_large_at(q)->mapped);
}
END_TEST

/* Cut inside each piece and between them, then longer again. */
START_TEST(pieces_are_cut_and_extended)
{
    for (size_t cut = 4 * KIB; cut < 6 * MIB; cut += 300 * KIB) {
        char *p = take_pieced(6 * MIB, cut);
        EXPECT_AT(resize(p, 6 * MIB - cut) == p, cut, 0);
        space_is_sound();
        p = resize(p, 7 * MIB);
        EXPECT_AT(p && pattern_holds(p, 6 * MIB, 6 * MIB - cut, cut), cut, 0);
        pattern_fill(p, 7 * MIB, 4);
        space_is_sound();
        EXPECT_AT(pattern_holds(p, 7 * MIB, 7 * MIB, 4), cut, 0);
        give(p);
        pki_space_trim(&space, 0);
    }
}
END_TEST

START_TEST(grows_by_pages_of_freed)
{
    char *p = take_filled(8 * MIB, 1);
    EXPECT(resize(p, 2 * MIB) == p); /* room behind it */
    char *other = take_filled(3 * MIB, 2);
    keep_all();
    give(other);
    EXPECT(resize(p, 4 * MIB) == p && pattern_holds(p, 8 * MIB, 2 * MIB, 1));
    if (memory_is_measurable()) EXPECT(resident_pages(p, 4 * MIB) == pages(4 * MIB));
    EXPECT(space.large_cached < 2 * MIB);
}
END_TEST

START_TEST(huge_pages_for_steady_growth)
{
    char *p = take(12 * MIB, NULL);
    p = resize(p, 14 * MIB);
    EXPECT(p && !pki_large_at(p)->huge);
    p = resize(p, 20 * MIB);
    EXPECT(p && pki_large_at(p)->huge);
    char *q = take(7 * MIB, NULL);
    q = resize(q, 17 * MIB); /* more than twice as long: may be used here and there only */
    EXPECT(q && !pki_large_at(q)->huge);
}
END_TEST

/* -- how much is kept -- */

START_TEST(kept_as_long_as_others_are_in_use)
{
    char *p = take(20 * MIB, NULL), *q = take(20 * MIB, NULL);
    give(p);
    EXPECT(space.large_cached > 20 * MIB);
    give(q); /* nothing is in use any more */
    EXPECT_AT(space.large_cached <= 16 * MIB, space.large_cached, 0);
}
END_TEST

/* The same large block again and again: the second time it is known. */
START_TEST(learns_what_is_wanted)
{
    for (size_t i = 0; i < 5; i++) {
        bool zero = false;
        char *p = take(30 * MIB, &zero);
        p[15 * MIB] = 1;
        if (i >= 2 && memory_is_measurable()) EXPECT_AT(page_is_resident(p + 15 * MIB), i, 0);
        EXPECT_AT(zero == (i == 0), i, zero);
        give(p);
        EXPECT_AT((space.large_cached > 30 * MIB) == (i >= 1), i, space.large_cached);
    }
    uint64_t now = pki_os_milliseconds() + 1000;
    for (uint64_t i = 0; i < 8; i++) pki_space_tick(&space, now + i * 100);
    EXPECT(space.large_cached == 0 && space.large_wanted < MIB);
}
END_TEST

START_TEST(new_pages_make_up_for_kept_ones)
{
    if (!contents_can_be_moved()) return;
    char *p = take(3 * MIB, NULL);
    give(p);
    size_t cached = space.large_cached;
    p = take(2 * MIB, NULL);
    p = resize(p, 12 * MIB);
    EXPECT(p && space.large_cached < cached - 2 * MIB);
    EXPECT(space.large_cached == 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("large_cache");
    ADD_CASE(suite, space_case("pages"), 60, filled_from_freed_in_all_orders,
             end_is_taken_rest_remains, shortest_that_has_all_gives, pieces_are_bounded,
             filled_from_dirty_slabs, part_of_a_slab_stays_dirty);
    ADD_CASE(suite, space_case("sizes"), 60, pieces_move_together, pieces_are_cut_and_extended,
             grows_by_pages_of_freed, huge_pages_for_steady_growth);
    ADD_CASE(suite, space_case("kept"), 30, kept_as_long_as_others_are_in_use,
             learns_what_is_wanted, new_pages_make_up_for_kept_ones);
    return suite;
}

TEST_MAIN(make_suite)
