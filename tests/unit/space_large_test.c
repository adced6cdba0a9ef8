/* SPDX-License-Identifier: MIT
 * space_large_test.c: src/slab/large.c: blocks with a mapping of their own. */
#include "build.h"
#include "os/process.h"
#include "pages_fixture.h"
#include "pattern.h"
#include "runner.h"
#include "space_fixture.h"

static char *take(size_t size, size_t align, bool *zero)
{
    pk_status why = PK_OK;
    bool dummy;
    char *p = pki_space_take_large(&space, size, align, zero ? zero : &dummy, &why);
    EXPECT_AT(p && (uintptr_t)p % align == 0, size, align);
    pki_large *large = pki_large_at(p);
    EXPECT_AT(large && large->block == p && !large->cached, size, align);
    EXPECT_AT(large->usable == pki_align_up(size, pki_os_page_size()), size, large->usable);
    return p;
}

static void give(char *p) { pki_space_give_large(&space, pki_large_at(p)); }

static char *resize(char *p, size_t size, bool may_move)
{
    pk_status why = PK_OK;
    return pki_space_resize_large(&space, pki_large_at(p), size, may_move, &why);
}

/* A page right behind the block's mapping: it cannot be extended. */
static void *build_wall(char *p)
{
    char *end = p + pki_large_at(p)->usable;
    if (page_is_mapped(end)) return NULL;
    void *wall = mmap(end, pki_os_page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(wall == end);
    return wall;
}

START_TEST(at_every_alignment)
{
    for (size_t align = 16; align <= 256 * MIB; align *= 2) {
        for (size_t size = 1; size < 10 * MIB; size = size * 5 + 3) {
            char *p = take(size, align, NULL), *q = take(size, align, NULL);
            pattern_fill(p, size, 1);
            pattern_fill(q, size, 2);
            EXPECT_AT(pattern_holds(p, size, size, 1) && pattern_holds(q, size, size, 2), size,
                      align);
            EXPECT_AT(!pki_large_at(p + 1) && !pki_large_at(p + 16), size, align);
            EXPECT_AT(!pki_large_at(p - 16) && !pki_large_at(p + size), size, align);
            EXPECT_AT(pki_space_has_large_around(&space, p + size - 1), size, align);
            space_is_sound();
            give(p);
            give(q);
        }
        pki_space_trim(&space, 0);
        EXPECT_AT(space.used == 0 && space.n_large == 0, align, space.used);
    }
}
END_TEST

START_TEST(around_is_the_mapping)
{
    char *p = take(10 * MIB, 64 * KIB, NULL), *end = p + 10 * MIB;
    EXPECT(pki_space_has_large_around(&space, p) && pki_space_has_large_around(&space, end - 1));
    EXPECT(!pki_space_has_large_around(&space, end) && !pki_space_has_large_around(&space, &p));
    give(p);
    EXPECT(!pki_space_has_large_around(&space, p));
}
END_TEST

START_TEST(fresh_is_untouched)
{
    bool zero = false;
    char *p = take(3 * MIB, 16, &zero);
    EXPECT(zero);
    if (memory_is_measurable()) EXPECT(resident_pages(p, 3 * MIB) == 0);
    EXPECT(pattern_zero(p, 3 * MIB, 4 * MIB));
}
END_TEST

START_TEST(grows_in_place)
{
    char *p = take(32 * MIB, 16, NULL);
    EXPECT(resize(p, 8 * MIB, false) == p); /* leaves room behind it */
    pattern_fill(p, 8 * MIB, 1);
    size_t used = space.used;
    EXPECT(resize(p, 16 * MIB + 1, false) == p && space.used > used + 8 * MIB);
    EXPECT(pki_large_at(p)->usable >= 16 * MIB + 1);
    EXPECT(pattern_holds(p, 8 * MIB, 8 * MIB, 1));
    EXPECT(pattern_zero(p + 8 * MIB, 8 * MIB, 16 * MIB));
    p[16 * MIB] = 1;
}
END_TEST

START_TEST(moves_its_pages)
{
    char *p = take(8 * MIB, 16, NULL);
    pattern_fill(p, 8 * MIB, 1);
    build_wall(p);
    size_t used = space.used, page = pki_os_page_size();
    EXPECT(!resize(p, 8 * MIB + 1, false) && space.used == used);
    EXPECT(pattern_holds(p, 8 * MIB, 8 * MIB, 1));
    space_is_sound();
    char *q = resize(p, 20 * MIB, true);
    EXPECT(q && q != p && (uintptr_t)q % PK_ALIGN == 0);
    EXPECT(pattern_holds(q, 8 * MIB, 8 * MIB, 1) && pattern_zero(q + 8 * MIB, 12 * MIB, 16 * MIB));
    EXPECT(!page_is_mapped(p) && !page_is_mapped(p + 8 * MIB - page) && !pki_large_at(p));
    EXPECT(!pki_registry_has(p) && pki_registry_has(q) && space.n_large == 1);
    EXPECT(space.used == used + 12 * MIB && pki_large_at(q)->usable == 20 * MIB);
}
END_TEST

/* Pages that were never touched are not touched by a move. */
START_TEST(moves_without_copying)
{
    char *p = take(16 * MIB, 16, NULL);
    p[5 * MIB] = 42;
    build_wall(p);
    char *q = resize(p, 64 * MIB, true);
    EXPECT(q && q != p && q[5 * MIB] == 42);
    if (memory_is_measurable()) EXPECT(resident_pages(q, 64 * MIB) == 1);
}
END_TEST

START_TEST(moved_keeps_its_distance)
{
    if (!contents_can_be_moved()) return;
    for (size_t align = 64 * KIB; align <= 32 * MIB; align *= 4) {
        char *p = take(2 * MIB, align, NULL);
        pattern_fill(p, 2 * MIB, align);
        build_wall(p);
        char *q = resize(p, 9 * MIB, true);
        EXPECT_AT(q && pattern_holds(q, 2 * MIB, 2 * MIB, align), align, 0);
        EXPECT_AT(pki_large_at(q) && (uintptr_t)q % pki_min(align, 4 * MIB) == 0, align, 0);
        space_is_sound();
        give(q);
    }
}
END_TEST

START_TEST(shrinks_and_gives_back)
{
    char *p = take(16 * MIB, 16, NULL);
    pattern_fill(p, 16 * MIB, 1);
    size_t used = space.used, page = pki_os_page_size();
    EXPECT(resize(p, 3 * MIB - 1, true) == p && space.used == used - 13 * MIB);
    EXPECT(page_is_mapped(p + 3 * MIB - page) && !page_is_mapped(p + 3 * MIB));
    EXPECT(!page_is_mapped(p + 16 * MIB - page));
    EXPECT(pattern_holds(p, 16 * MIB, 3 * MIB, 1) && pki_large_at(p)->usable == 3 * MIB);
}
END_TEST

START_TEST(too_large_changes_nothing)
{
    pk_status why = PK_OK;
    bool zero;
    char *p = take(2 * MIB, 16, NULL);
    pattern_fill(p, 2 * MIB, 1);
    size_t used = space.used;
    EXPECT(!pki_space_take_large(&space, (size_t)1 << 47, 16, &zero, &why) && why == PK_ENOMEM);
    EXPECT(!pki_space_take_large(&space, 4096, (size_t)1 << 62, &zero, &why));
    why = PK_OK;
    EXPECT(!pki_space_resize_large(&space, pki_large_at(p), (size_t)1 << 47, true, &why));
    EXPECT(why == PK_ENOMEM && space.used == used && space.n_large == 1);
    EXPECT(pattern_holds(p, 2 * MIB, 2 * MIB, 1) && pki_large_at(p)->usable == 2 * MIB);
}
END_TEST

START_TEST(limit_bounds_large_blocks)
{
    pk_status why = PK_OK;
    bool zero;
    space_begin(10 * MIB);
    char *p = take(4 * MIB, 16, NULL), *q = take(4 * MIB, 16, NULL);
    size_t used = space.used;
    EXPECT(!pki_space_take_large(&space, 3 * MIB, 16, &zero, &why) && why == PK_ELIMIT);
    EXPECT(space.used == used && space.n_large == 2);
    why = PK_OK;
    EXPECT(!pki_space_resize_large(&space, pki_large_at(p), 7 * MIB, true, &why));
    EXPECT(why == PK_ELIMIT && space.used == used && pki_large_at(p)->usable == 4 * MIB);
    give(q);
    EXPECT(resize(p, 7 * MIB, true) != NULL && space.used <= 10 * MIB);
    why = PK_OK; /* a cached one that the limit does not allow */
    EXPECT(!pki_space_take_large(&space, 4 * MIB, 16, &zero, &why) && why == PK_ELIMIT);
}
END_TEST

/* -- freed ones -- */

START_TEST(freed_one_is_used_again)
{
    bool zero = true;
    char *p = take(2 * MIB, 16, &zero), *kept = p;
    p[12345] = 1;
    pki_large *large = pki_large_at(p);
    give(p);
    EXPECT(large->cached && space.large_cached == large->mapped && space.used == 0);
    EXPECT(pki_large_at(p) == large); /* so that a double free is seen */
    p = take(2 * MIB, 16, &zero);
    EXPECT(p == kept && !zero && space.large_cached == 0);
    give(p);
    p = take(2 * MIB - 200 * KIB, 16, NULL); /* at most an eighth too large */
    EXPECT(p == kept);
    give(p);
    zero = true;
    p = take(MIB + 500 * KIB, 16, &zero); /* it would be more: its end serves another */
    EXPECT(p != kept && !zero && pki_large_at(kept)->cached);
    give(p);
    p = take(2 * MIB, 2 * MIB, &zero); /* the freed ones are not aligned like that */
    EXPECT(p != kept && space.n_large == 1);
}
END_TEST

/* The one that loses least, whatever the order in which they were freed. */
START_TEST(smallest_that_fits_is_used)
{
    char *p[3];
    for (size_t i = 0; i < 3; i++) p[i] = take(MIB + i * 64 * KIB, 16, NULL);
    give(p[1]);
    give(p[0]);
    give(p[2]);
    EXPECT(take(MIB + 60 * KIB, 16, NULL) == p[1]);
    EXPECT(take(MIB, 16, NULL) == p[0]);
    EXPECT(take(MIB, 16, NULL) == p[2]);
}
END_TEST

START_TEST(cache_is_bounded)
{
    char *p[40];
    space.large_wanted = 256 * MIB;
    for (size_t i = 0; i < 40; i++) p[i] = take(300 * KIB, 16, NULL);
    for (size_t i = 0; i < 40; i++) give(p[i]);
    size_t n = 0;
    for (const pki_large *l = space.large_cache; l; l = l->next) n++;
    EXPECT_AT(n == PKI_LARGE_CACHE_ENTRIES, n, 0);
    pki_space_trim(&space, 0);
    for (size_t i = 0; i < 10; i++) p[i] = take(40 * MIB, 16, NULL);
    for (size_t i = 0; i < 10; i++) {
        give(p[i]);
        EXPECT_AT(space.large_cached <= 256 * MIB, i, space.large_cached);
    }
    EXPECT(space.large_cached >= 216 * MIB);
}
END_TEST

START_TEST(cache_grows_old)
{
    char *p = take(2 * MIB, 16, NULL);
    give(p);
    uint64_t now = pki_os_milliseconds() + 1000;
    pki_space_tick(&space, now); /* compares with the tick before */
    EXPECT(space.large_cached != 0);
    pki_space_tick(&space, now + 100);
    EXPECT(space.large_cached == 0 && !space.large_cache);
    EXPECT(!page_is_mapped(p) && !pki_registry_has(p) && !pki_large_at(p));
}
END_TEST

START_TEST(trim_drops_the_cache)
{
    char *p = take(2 * MIB, 16, NULL), *q = take(MIB, 16, NULL);
    size_t mapped = pki_large_at(p)->mapped;
    give(p);
    EXPECT(pki_space_trim(&space, 0) == mapped);
    EXPECT(!page_is_mapped(p) && page_is_mapped(q) && space.n_large == 1);
}
END_TEST

START_TEST(fini_unmaps_all)
{
    char *p = take(2 * MIB, 16, NULL), *q = take(MIB, 16 * MIB, NULL);
    give(p);
    pki_space_fini(&space);
    EXPECT(!page_is_mapped(p) && !page_is_mapped(q));
    EXPECT(!pki_registry_has(p) && !pki_large_at(q) && space.used == 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("space_large");
    ADD_CASE(suite, space_case("large"), 30, at_every_alignment, around_is_the_mapping,
             fresh_is_untouched, grows_in_place, moves_its_pages, moves_without_copying,
             moved_keeps_its_distance, shrinks_and_gives_back, too_large_changes_nothing,
             limit_bounds_large_blocks);
    ADD_CASE(suite, space_case("freed"), 30, freed_one_is_used_again, smallest_that_fits_is_used,
             cache_is_bounded, cache_grows_old, trim_drops_the_cache, fini_unmaps_all);
    return suite;
}

TEST_MAIN(make_suite)
