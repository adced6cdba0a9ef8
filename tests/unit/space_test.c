/* SPDX-License-Identifier: MIT
 * space_test.c: src/slab/space.c: slabs and runs of slabs are taken, given back and purged. Time
 * is what the test says. */
#include "build.h"
#include "pages_fixture.h"
#include "pattern.h"
#include "rng.h"
#include "runner.h"
#include "space_fixture.h"

enum { USABLE = PKI_SLABS - 1 };

static pki_slab *slabs[4 * USABLE];

static pki_slab *take_slab(void)
{
    pk_status why = PK_OK;
    pki_slab *slab = pki_space_take_slab(&space, &why);
    EXPECT_AT(slab != NULL, why, 0);
    EXPECT(pki_word_at(pki_slab_base(slab)) == PKI_WORD_SPARE);
    slab->fresh = 0;
    return slab;
}

/* As a slab that was used, so that it may be resident. */
static void give_dirty(pki_slab *slab)
{
    memset(pki_slab_base(slab), 0xD1, PKI_SLAB_SIZE);
    slab->zero = false;
    pki_space_give_slab(&space, slab);
}

static void take_slabs(size_t n)
{
    for (size_t i = 0; i < n; i++) slabs[i] = take_slab();
}

static pki_slab *take_run(unsigned n)
{
    bool zero;
    pk_status why = PK_OK;
    char *p = pki_space_take_run(&space, n, n * PKI_SLAB_SIZE - 100, &zero, &why);
    EXPECT_AT(p != NULL, n, why);
    pki_slab *first = pki_slab_of(p);
    EXPECT_AT(pki_slab_base(first) == p && first->capacity == n, n, first->capacity);
    EXPECT_AT(first->block_size == n * PKI_SLAB_SIZE - 100, n, first->block_size);
    EXPECT_AT(pki_word_at(p) == PKI_WORD_RUN, n, pki_word_at(p));
    for (unsigned i = 1; i < n; i++)
        EXPECT_AT(pki_word_at(p + i * PKI_SLAB_SIZE) == PKI_WORD_RUN_REST, n, i);
    return first;
}

/* -- slabs -- */

START_TEST(slabs_come_lowest_first)
{
    take_slabs(USABLE + 1);
    for (unsigned i = 0; i < USABLE; i++) {
        EXPECT_AT(slabs[i] == slabs[0] + i && pki_slab_index(slabs[i]) == i + 1, i, 0);
        EXPECT_AT(slabs[i]->zero, i, 0);
    }
    EXPECT(pki_chunk_of(slabs[USABLE]) != pki_chunk_of(slabs[0]));
    EXPECT(space.n_chunks == 2 && space.used == (USABLE + 1) * PKI_SLAB_SIZE);
    for (unsigned i = 0; i <= USABLE; i++) pki_space_give_slab(&space, slabs[i]);
    EXPECT(space.used == 0 && space.used_peak == (USABLE + 1) * PKI_SLAB_SIZE);
    EXPECT(space.dirty_slabs == 0); /* none was used */
}
END_TEST

START_TEST(dirty_ones_first)
{
    take_slabs(8);
    pki_space_give_slab(&space, slabs[2]);
    give_dirty(slabs[5]);
    give_dirty(slabs[6]);
    EXPECT(space.dirty_slabs == 2);
    EXPECT(take_slab() == slabs[5] && !slabs[5]->zero);
    EXPECT(take_slab() == slabs[6] && !slabs[6]->zero && space.dirty_slabs == 0);
    EXPECT(take_slab() == slabs[2] && slabs[2]->zero);
    EXPECT(take_slab() == slabs[7] + 1);
}
END_TEST

/* A slab that held blocks is dirty even if it came zero. */
START_TEST(used_slabs_are_dirty)
{
    pki_slab *slab = take_slab();
    slab->fresh = 1;
    pki_space_give_slab(&space, slab);
    EXPECT(space.dirty_slabs == 1 && take_slab() == slab && !slab->zero);
}
END_TEST

/* -- runs -- */

START_TEST(runs_of_every_length)
{
    for (unsigned n = 1; n <= USABLE; n++) {
        pki_slab *first = take_run(n), *second = n <= USABLE / 2 ? take_run(n) : NULL;
        EXPECT_AT(pki_slab_index(first) == 1 && (!second || second == first + n), n, 0);
        space_is_sound();
        pki_space_give_run(&space, first);
        if (second) pki_space_give_run(&space, second);
        space_is_sound();
        EXPECT_AT(space.used == 0 && space.n_chunks == 1, n, space.n_chunks);
    }
}
END_TEST

/* The chunk whose longest run is the shortest that fits. */
START_TEST(best_fit)
{
    pki_slab *a = take_run(USABLE - 10), *b = take_run(USABLE - 20), *c = take_run(USABLE - 30);
    EXPECT(space.n_chunks == 3);
    pki_slab *eight = take_run(8);
    EXPECT(pki_chunk_of(eight) == pki_chunk_of(a));
    EXPECT(pki_chunk_of(take_run(11)) == pki_chunk_of(b));
    EXPECT(pki_chunk_of(take_run(9)) == pki_chunk_of(b));
    EXPECT(pki_chunk_of(take_run(2)) == pki_chunk_of(a));
    EXPECT(pki_chunk_of(take_run(3)) == pki_chunk_of(c));
    EXPECT(pki_chunk_of(take_run(28)) != pki_chunk_of(c) && space.n_chunks == 4);
    pki_space_give_run(&space, eight);
    EXPECT(take_run(8) == eight);
    space_is_sound();
}
END_TEST

START_TEST(runs_of_dirty_slabs_first)
{
    take_slabs(20);
    for (unsigned i = 2; i < 6; i++) pki_space_give_slab(&space, slabs[i]);
    for (unsigned i = 10; i < 14; i++) give_dirty(slabs[i]);
    EXPECT(take_run(3) == slabs[10]);
    bool zero = true;
    pk_status why;
    char *p = pki_space_take_run(&space, 4, 4 * PKI_SLAB_SIZE, &zero, &why);
    EXPECT(p == pki_slab_base(slabs[2]) && zero);
    p = pki_space_take_run(&space, 1, PKI_SLAB_SIZE, &zero, &why);
    EXPECT(p == pki_slab_base(slabs[13]) && !zero);
    space_is_sound();
}
END_TEST

START_TEST(run_changes_its_length)
{
    pki_slab *first = take_run(4), *wall = take_run(4);
    size_t used = space.used;
    pattern_fill(pki_slab_base(first), 4 * PKI_SLAB_SIZE, 1);
    EXPECT(!pki_space_resize_run(&space, first, 5, 5 * PKI_SLAB_SIZE));
    EXPECT(space.used == used && first->capacity == 4);
    EXPECT(pki_space_resize_run(&space, first, 2, 100000) && first->capacity == 2);
    EXPECT(first->block_size == 100000 && space.used == used - 2 * PKI_SLAB_SIZE);
    EXPECT(space.dirty_slabs == 2);
    space_is_sound();
    EXPECT(pki_space_resize_run(&space, first, 4, 4 * PKI_SLAB_SIZE) && space.used == used);
    EXPECT(pattern_holds(pki_slab_base(first), 4 * PKI_SLAB_SIZE, 2 * PKI_SLAB_SIZE, 1));
    EXPECT(space.dirty_slabs == 0);
    pki_space_give_run(&space, wall);
    EXPECT(!pki_space_resize_run(&space, first, USABLE + 1, (USABLE + 1) * PKI_SLAB_SIZE));
    EXPECT(pki_space_resize_run(&space, first, USABLE, USABLE * PKI_SLAB_SIZE));
    EXPECT(space.used == USABLE * PKI_SLAB_SIZE && space.n_chunks == 1);
    space_is_sound();
    EXPECT(pki_space_resize_run(&space, first, 1, 10) && space.used == PKI_SLAB_SIZE);
}
END_TEST

/* -- limit -- */

START_TEST(limit_bounds_slabs_and_runs)
{
    pk_status why = PK_OK;
    bool zero;
    space_begin(5 * PKI_SLAB_SIZE + 1);
    pki_slab *first = take_run(3), *one = take_slab();
    EXPECT(!pki_space_take_run(&space, 2, 2 * PKI_SLAB_SIZE, &zero, &why) && why == PK_ELIMIT);
    EXPECT(space.used == 4 * PKI_SLAB_SIZE);
    pki_space_give_slab(&space, one);
    EXPECT(!pki_space_resize_run(&space, first, 6, 6 * PKI_SLAB_SIZE));
    EXPECT(space.used == 3 * PKI_SLAB_SIZE);
    EXPECT(pki_space_resize_run(&space, first, 5, 5 * PKI_SLAB_SIZE));
    why = PK_OK;
    EXPECT(!pki_space_take_slab(&space, &why) && why == PK_ELIMIT);
    EXPECT(space.used == 5 * PKI_SLAB_SIZE && space.used_peak == space.used);
    space_is_sound();
    EXPECT(pki_space_resize_run(&space, first, 4, 4 * PKI_SLAB_SIZE) && take_slab());
}
END_TEST

START_TEST(charges_add_up)
{
    space_begin(1000);
    EXPECT(pki_space_charge(&space, 600) && !pki_space_charge(&space, 401));
    EXPECT(pki_space_charge(&space, 400) && space.used == 1000);
    EXPECT(!pki_space_charge(&space, 1) && !pki_space_charge(&space, SIZE_MAX));
    EXPECT(pki_space_charge(&space, 0));
    pki_space_uncharge(&space, 1000);
    EXPECT(space.used == 0 && space.used_peak == 1000);
}
END_TEST

/* -- giving back -- */

/* n dirty slabs with a used one between two of them. */
static void make_dirty(size_t n)
{
    take_slabs(2 * n);
    for (size_t i = 0; i < n; i++) give_dirty(slabs[2 * i]);
    EXPECT_AT(space.dirty_slabs == n, space.dirty_slabs, n);
}

START_TEST(tick_purges_half_of_the_least)
{
    make_dirty(20);
    pki_space_tick(&space, 1000); /* the period before had none */
    EXPECT_AT(space.dirty_slabs == 20, space.dirty_slabs, 0);
    pki_space_tick(&space, 1099); /* too early */
    EXPECT_AT(space.dirty_slabs == 20, space.dirty_slabs, 0);
    pki_space_tick(&space, 1100);
    EXPECT_AT(space.dirty_slabs == 10, space.dirty_slabs, 0);
    for (unsigned i = 0; i < 6; i++) (void)take_slab(); /* needed during this period: 4 were not */
    for (unsigned i = 20; i < 26; i++) give_dirty(slabs[2 * i - 39]);
    EXPECT_AT(space.dirty_slabs == 10, space.dirty_slabs, 0);
    pki_space_tick(&space, 1200);
    EXPECT_AT(space.dirty_slabs == 8, space.dirty_slabs, 0);
    for (unsigned i = 0, want = 8; i < 6; i++) {
        pki_space_tick(&space, 1300 + i * 100);
        want -= (want + 1) / 2;
        EXPECT_AT(space.dirty_slabs == want, space.dirty_slabs, want);
    }
    EXPECT(space.dirty_slabs == 0);
}
END_TEST

/* What was purged is no longer resident and counts as zero; what was not is untouched. */
START_TEST(purged_slabs_are_zero)
{
    make_dirty(8);
    EXPECT_AT(pki_space_trim(&space, 3 * PKI_SLAB_SIZE) == 5 * PKI_SLAB_SIZE, 0, 0);
    const pki_chunk *chunk = pki_chunk_of(slabs[0]);
    for (unsigned i = 0; i < 16; i += 2) {
        char *base = pki_slab_base(slabs[i]);
        bool dirty = (chunk->dirty >> pki_slab_index(slabs[i]) & 1) != 0;
        EXPECT_AT(pattern_zero(base, PKI_SLAB_SIZE, PKI_SLAB_SIZE) == !dirty, i, dirty);
    }
    if (memory_is_measurable()) pki_space_trim(&space, 0);
    for (unsigned i = 0; i < 16 && memory_is_measurable(); i += 2) {
        size_t in_core = resident_pages(pki_slab_base(slabs[i]), PKI_SLAB_SIZE);
        EXPECT_AT(in_core <= 16, i, in_core); /* the looks above touched some */
    }
}
END_TEST

START_TEST(trim_returns_all)
{
    make_dirty(100);
    pki_chunk *chunk[4] = {pki_chunk_of(slabs[0]), pki_chunk_of(slabs[70]),
                           pki_chunk_of(slabs[140]), pki_chunk_of(slabs[199])};
    EXPECT(space.n_chunks == 4);
    for (unsigned i = 1; i < 200; i += 2) pki_space_give_slab(&space, slabs[i]);
    EXPECT(space.used == 0);
    EXPECT(pki_space_trim(&space, 0) == (100 + 4) * PKI_SLAB_SIZE); /* and the heads */
    EXPECT(space.n_chunks == 0 && space.dirty_slabs == 0 && space.by_free.nonempty == 0);
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_AT(!pki_registry_has(chunk[i]) && !page_is_mapped(chunk[i]), i, 0);
    }
    EXPECT(pki_space_trim(&space, 0) == 0);
    EXPECT(take_slab());
}
END_TEST

/* At a tick all empty clean chunks go but one. */
START_TEST(tick_keeps_one_empty_chunk)
{
    take_slabs(3 * USABLE + 1);
    EXPECT(space.n_chunks == 4);
    for (unsigned i = 0; i < 3 * USABLE + 1; i++) pki_space_give_slab(&space, slabs[i]);
    pki_space_tick(&space, 1000);
    EXPECT_AT(space.n_chunks == 1, space.n_chunks, 0);
    pki_space_tick(&space, 2000);
    EXPECT_AT(space.n_chunks == 1, space.n_chunks, 0);
}
END_TEST

START_TEST(used_chunks_stay)
{
    take_slabs(2 * USABLE);
    for (unsigned i = 0; i < 2 * USABLE; i++)
        if (i != 7) give_dirty(slabs[i]);
    memset(pki_slab_base(slabs[7]), 3, PKI_SLAB_SIZE);
    pki_space_trim(&space, 0);
    EXPECT(space.n_chunks == 1 && space.used == PKI_SLAB_SIZE);
    EXPECT(*pki_slab_base(slabs[7]) == 3 && pki_slab_base(slabs[7])[PKI_SLAB_SIZE - 1] == 3);
}
END_TEST

/* -- everything at random -- */

typedef struct {
    pki_slab *first;
    unsigned n; /* 0: a slab */
} piece;

static void random_step(piece *one, rng *r)
{
    if (!one->first) {
        one->n = (unsigned)rng_below(r, 17);
        one->first = one->n ? take_run(one->n) : take_slab();
        return;
    }
    unsigned n = (unsigned)rng_below(r, 17);
    if (one->n && n && rng_below(r, 3) == 0) {
        if (pki_space_resize_run(&space, one->first, n, n * PKI_SLAB_SIZE)) one->n = n;
        return;
    }
    if (!one->n) {
        one->first->zero = rng_below(r, 2) != 0;
        pki_space_give_slab(&space, one->first);
    } else {
        pki_space_give_run(&space, one->first);
    }
    one->first = NULL;
}

START_TEST(random_pieces)
{
    static piece pieces[64];
    rng r = rng_make(rng_run_seed());
    uint64_t now = 1000;
    for (size_t i = 0; i < scaled(40000); i++) {
        random_step(&pieces[rng_below(&r, 64)], &r);
        size_t slabs_used = 0;
        for (unsigned k = 0; k < 64; k++)
            slabs_used += pieces[k].first ? pki_max(pieces[k].n, 1) : 0;
        EXPECT_AT(space.used == slabs_used * PKI_SLAB_SIZE, space.used, slabs_used);
        if (i % 100 == 0) pki_space_tick(&space, now += rng_below(&r, 150));
        if (i % 1000 == 0) pki_space_trim(&space, rng_below(&r, 64) * PKI_SLAB_SIZE);
        if (i % 16 == 0) space_is_sound();
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("space");
    ADD_CASE(suite, space_case("slabs"), 20, slabs_come_lowest_first, dirty_ones_first,
             used_slabs_are_dirty);
    ADD_CASE(suite, space_case("runs"), 20, runs_of_every_length, best_fit,
             runs_of_dirty_slabs_first, run_changes_its_length);
    ADD_CASE(suite, space_case("limit"), 20, limit_bounds_slabs_and_runs);
    ADD_CASE(suite, tcase_create("charge"), 20, charges_add_up);
    ADD_CASE(suite, space_case("back"), 20, tick_purges_half_of_the_least, purged_slabs_are_zero,
             trim_returns_all, tick_keeps_one_empty_chunk, used_chunks_stay);
    ADD_CASE(suite, space_case("random"), 60, random_pieces);
    return suite;
}

TEST_MAIN(make_suite)
