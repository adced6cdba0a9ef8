/* SPDX-License-Identifier: MIT
 * slab_test.c: src/slab/slab.h on one slab of a chunk whose space knows nothing of it. */
#include "slab/slab.h"
#include "slab/space.h"
#include "build.h"
#include "heap/size_class.h"
#include "pages_fixture.h"
#include "pattern.h"
#include "rng.h"
#include "runner.h"

enum { SLAB = 5, MOST = PKI_SLAB_BLOCKS };

static pki_chunk *chunk;
static pki_slab *slab;
static char *base;
static void *out[MOST];

static pki_class class_of_size(size_t size)
{
    return (pki_class){.size = (uint32_t)size,
                       .reciprocal = pki_reciprocal(size),
                       .capacity = (uint16_t)pki_min(PKI_SLAB_SIZE / size, PKI_SLAB_BLOCKS)};
}

static void begin(size_t size)
{
    pki_class cls = class_of_size(size);
    memset(pki_slab_bits(slab), 0xFF, sizeof chunk->bits[0]);
    *slab = (pki_slab){.hint = 9, .used = 9, .fresh = 9, .purged = 9};
    pki_slab_init(slab, pki_slab_base(slab), pki_slab_bits(slab), cls.size, cls.capacity);
    pki_slab_mark(slab);
}

static void setup(void)
{
    chunk = pki_os_map(PKI_CHUNK_SIZE, PKI_CHUNK_SIZE);
    EXPECT(chunk != NULL);
    static pki_space space; /* only its page source is looked at: the system's */
    chunk->space = &space;
    pki_os_huge_pages(chunk, PKI_CHUNK_SIZE, false);
    slab = &chunk->slab[SLAB];
    base = (char *)chunk + SLAB * PKI_SLAB_SIZE;
}

static void teardown(void) { pki_os_release(chunk, PKI_CHUNK_SIZE); }

static unsigned take(unsigned n)
{
    unsigned fresh, before = slab->used, fresh_before = slab->fresh;
    unsigned got = pki_slab_take(slab, out, n, &fresh);
    EXPECT_AT(got <= n && slab->used == before + got, got, n);
    EXPECT_AT(slab->fresh == fresh_before + fresh && fresh <= got, fresh, got);
    for (unsigned i = 0; i < got / 2; i++) { /* a stack: the tests look at it from its top */
        void *p = out[i];
        out[i] = out[got - 1 - i];
        out[got - 1 - i] = p;
    }
    return got;
}

/* S2, S3 and S4 by a look at each bit. */
static void slab_is_sound(void)
{
    unsigned set = 0;
    for (unsigned i = 0; i < slab->capacity; i++) {
        bool is_set = (pki_slab_bits(slab)[i / 64] >> (i % 64) & 1) != 0;
        set += is_set;
        EXPECT_AT(!is_set || (i < slab->fresh && i / 64 >= slab->hint), i, slab->hint);
    }
    EXPECT_AT(slab->used + set == slab->fresh, slab->used, set);
}

/* -- geometry -- */

START_TEST(reciprocals_are_exact)
{
    for (size_t size = 16; size <= PKI_SLAB_SIZE; size += 16) {
        slab->reciprocal = pki_reciprocal(size);
        size_t step = TEST_OPTIMIZED ? 1 : 7;
        for (size_t offset = 0; offset < PKI_SLAB_SIZE; offset += step) {
            EXPECT_AT(pki_block_index(slab, offset) == offset / size, offset, size);
        }
    }
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        slab->reciprocal = pki_heap_geometry.classes[cls].reciprocal;
        for (size_t offset = 0; offset < PKI_SLAB_SIZE; offset++) {
            EXPECT_AT(pki_block_index(slab, offset) == offset / pki_class_size(cls), offset, cls);
        }
    }
}
END_TEST

START_TEST(addresses_find_their_records)
{
    for (unsigned i = 0; i < PKI_SLABS; i++) {
        char *first = (char *)chunk + i * PKI_SLAB_SIZE, *last = first + PKI_SLAB_SIZE - 1;
        EXPECT_AT(pki_chunk_of(first) == chunk && pki_chunk_of(last) == chunk, i, 0);
        EXPECT_AT(pki_slab_number(first) == i && pki_slab_number(last) == i, i, 0);
        EXPECT_AT(pki_slab_of(first) == &chunk->slab[i] && pki_slab_of(last) == &chunk->slab[i], i,
                  0);
        EXPECT_AT(pki_slab_index(&chunk->slab[i]) == i, i, 0);
        EXPECT_AT(pki_slab_base(&chunk->slab[i]) == first, i, 0);
        EXPECT_AT(pki_slab_bits(&chunk->slab[i]) == chunk->bits[i], i, 0);
        pki_word_set(chunk, i, 1000 + i);
        EXPECT_AT(pki_word_at(first) == 1000 + i && pki_word_at(last) == 1000 + i, i, 0);
    }
}
END_TEST

/* -- take and put -- */

START_TEST(begins_all_fresh)
{
    for (size_t size = 16; size <= 32768; size *= 2) {
        begin(size);
        EXPECT_AT(slab->used == 0 && slab->fresh == 0 && slab->hint == 0, size, 0);
        EXPECT_AT(slab->purged == 0 && !slab->listed, size, 0);
        EXPECT_AT(pki_slab_has_room(slab), size, 0);
        slab_is_sound();
        EXPECT_AT(take(MOST) == pki_min(PKI_SLAB_SIZE / size, PKI_SLAB_BLOCKS), size, slab->used);
        EXPECT_AT(!pki_slab_has_room(slab) && take(1) == 0, size, slab->used);
    }
}
END_TEST

START_TEST(fresh_blocks_ascend)
{
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        size_t size = pki_class_size(cls), at = 0;
        begin(size);
        for (unsigned n = 1; pki_slab_has_room(slab); n = n * 2 + 1) {
            unsigned got = take(n);
            EXPECT_AT(got == n || !pki_slab_has_room(slab), cls, got);
            for (unsigned i = 0; i < got; i++, at += size) EXPECT_AT(out[i] == base + at, size, at);
            slab_is_sound();
        }
        EXPECT_AT(at / size == slab->capacity, size, at);
    }
}
END_TEST

static void put_number(unsigned number)
{
    EXPECT_AT(pki_slab_put(slab, base + number * slab->block_size, PKI_WAS_IDLE) == PKI_PUT_DONE,
              number, 0);
    slab_is_sound();
}

static void swap(unsigned *order, unsigned a, unsigned b)
{
    unsigned kept = order[a];
    order[a] = order[b];
    order[b] = kept;
}

/* Frees six of eight blocks in this order, all but one, and takes them again: lowest first. */
static void one_order(const unsigned *order)
{
    begin(48);
    EXPECT(take(8) == 8);
    for (unsigned i = 0; i < 6; i++) {
        put_number(order[i]);
        unsigned lowest = order[0];
        for (unsigned k = 1; k <= i; k++) lowest = order[k] < lowest ? order[k] : lowest;
        EXPECT_AT(take(1) == 1 && out[0] == base + lowest * 48, i, lowest);
        put_number(lowest);
    }
    EXPECT(slab->used == 2 && take(7) == 7);
    for (unsigned i = 0; i < 6; i++) EXPECT_AT(out[i] == base + i * 48, i, order[0]);
    EXPECT(out[6] == base + 8 * 48 && slab->fresh == 9);
    slab_is_sound();
}

/* All orders of n numbers (Heap's algorithm). */
static unsigned all_orders(unsigned *order, unsigned n)
{
    if (n == 1) {
        one_order(order);
        return 1;
    }
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++) {
        count += all_orders(order, n - 1);
        swap(order, n % 2 ? 0 : i, n - 1);
    }
    return count;
}

START_TEST(every_order_of_six)
{
    unsigned order[6] = {0, 1, 2, 3, 4, 5};
    ck_assert_uint_eq(all_orders(order, 6), 720);
}
END_TEST

START_TEST(hint_follows_the_lowest)
{
    begin(16);
    EXPECT(take(MOST) == MOST);
    put_number(2000);
    EXPECT(take(1) == 1 && out[0] == base + 2000 * 16);
    EXPECT_AT(slab->hint == 2000 / 64, slab->hint, 0);
    put_number(130);
    EXPECT_AT(slab->hint <= 130 / 64, slab->hint, 0);
    put_number(2047);
    put_number(5);
    EXPECT(slab->hint == 0 && take(2) == 2);
    EXPECT(out[0] == base + 5 * 16 && out[1] == base + 130 * 16);
    EXPECT(take(10) == 1 && out[0] == base + 2047 * 16 && slab->hint == 31);
    slab_is_sound();
}
END_TEST

/* Random takes and puts of every class against an array of flags. */
START_TEST(random_against_flags)
{
    static bool held[MOST];
    rng r = rng_make(4);
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        begin(pki_class_size(cls));
        memset(held, 0, sizeof held);
        for (unsigned step = 0; step < scaled(400) + 20; step++) {
            unsigned got = take((unsigned)rng_below(&r, slab->capacity) + 1);
            for (unsigned i = 0; i < got; i++) {
                size_t number = (size_t)((char *)out[i] - base) / slab->block_size;
                EXPECT_AT(!held[number] && number < slab->capacity, number, cls);
                held[number] = true;
            }
            for (unsigned i = 0; i < slab->capacity; i++) {
                pki_put_result want = held[i]           ? PKI_PUT_DONE
                                      : i < slab->fresh ? PKI_PUT_FREE_ALREADY
                                                        : PKI_PUT_NOT_A_BLOCK;
                if (rng_below(&r, 3) == 0) continue;
                EXPECT_AT(pki_slab_put(slab, base + i * slab->block_size, PKI_WAS_IDLE) == want, i,
                          cls);
                held[i] = false;
            }
            slab_is_sound();
        }
    }
}
END_TEST

START_TEST(what_is_no_block)
{
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        size_t size = pki_class_size(cls);
        begin(size);
        unsigned n = take(slab->capacity / 2);
        for (size_t at = 0; at < PKI_SLAB_SIZE; at += TEST_OPTIMIZED ? 1 : 8) {
            bool is_block = at % size == 0 && at / size < n;
            EXPECT_AT((pki_slab_block_number(slab, base + at) >= 0) == is_block, at, size);
            if (is_block) continue;
            EXPECT_AT(pki_slab_put(slab, base + at, PKI_WAS_IDLE) == PKI_PUT_NOT_A_BLOCK, at, size);
        }
        EXPECT_AT(slab->used == n, size, n);
        EXPECT_AT(pki_slab_put(slab, base, PKI_WAS_IDLE) == PKI_PUT_DONE, size, 0);
        EXPECT_AT(pki_slab_put(slab, base, PKI_WAS_IDLE) == PKI_PUT_FREE_ALREADY, size, 0);
        EXPECT_AT(slab->used == n - 1, size, slab->used);
        slab_is_sound();
    }
}
END_TEST

/* -- runs of neighbours -- */

/* Batches as programs free them: stretches of neighbours upwards and downwards, with single ones between.
 * A faulty one stands anywhere in a batch: free already, not the start of a block, or of another slab.
 * All before it are put, it is named, and it changes nothing. */
enum { BATCH = 64 };

static unsigned make_batch(rng *r, void **batch, const bool *held)
{
    unsigned n = 0, length = (unsigned)rng_below(r, BATCH) + 1;
    bool chosen[MOST] = {false};
    while (n < length) {
        unsigned at = (unsigned)rng_below(r, slab->fresh), stretch = (unsigned)rng_below(r, 70);
        unsigned step = rng_below(r, 2) == 0 ? 1 : ~0u; /* downwards */
        for (; stretch > 0 && n < length; stretch--, at += step) {
            if (at >= slab->fresh || !held[at] || chosen[at]) break;
            chosen[at] = true;
            batch[n++] = base + (size_t)at * slab->block_size;
        }
        length -= length > n; /* all may be free by now */
    }
    return n;
}

static void put_batch(void *const *batch, unsigned n, bool *held)
{
    unsigned used = slab->used;
    for (unsigned done = 0; done < n;) {
        pki_put_result result = PKI_PUT_DONE;
        unsigned run = pki_slab_put_run(slab, batch + done, n - done, PKI_WAS_IDLE, &result);
        EXPECT_AT(run > 0 && run <= n - done, run, done);
        done += run;
    }
    for (unsigned i = 0; i < n; i++) {
        held[((char *)batch[i] - base) / (ptrdiff_t)slab->block_size] = false;
    }
    EXPECT_AT(slab->used == used - n, slab->used, n);
}

static void put_faulty_batch(rng *r, void **batch, unsigned n, bool *held)
{
    unsigned bad = (unsigned)rng_below(r, n);
    pki_put_result want = rng_below(r, 2) == 0 ? PKI_PUT_FREE_ALREADY : PKI_PUT_NOT_A_BLOCK;
    void *good = batch[bad];
    put_batch(batch, bad, held);
    if (want == PKI_PUT_FREE_ALREADY) {
        EXPECT(pki_slab_put(slab, good, PKI_WAS_IDLE) == PKI_PUT_DONE);
        held[((char *)good - base) / (ptrdiff_t)slab->block_size] = false;
    } else {
        batch[bad] = (char *)good + 8;
    }
    unsigned used = slab->used;
    pki_put_result result = PKI_PUT_DONE;
    EXPECT_AT(pki_slab_put_run(slab, batch + bad, n - bad, PKI_WAS_IDLE, &result) == 0, bad, n);
    EXPECT_AT(result == want && slab->used == used, result, want);
    batch[bad] = (char *)chunk + (SLAB + 1) * PKI_SLAB_SIZE; /* a run ends where the slab ends */
    if (bad + 1 < n && held[((char *)batch[bad + 1] - base) / (ptrdiff_t)slab->block_size]) {
        void *two[2] = {batch[bad + 1], batch[bad]};
        EXPECT(pki_slab_put_run(slab, two, 2, PKI_WAS_IDLE, &result) == 1);
        held[((char *)two[0] - base) / (ptrdiff_t)slab->block_size] = false;
    }
}

static bool is_held(size_t at, size_t size)
{
    return pki_block_is_held(base + at, pki_reciprocal(size));
}

/* Every address of a slab of every size that a pool can have, and beyond the last block, too. */
START_TEST(only_what_the_program_has_is_held)
{
    for (size_t size = 16; size <= PKI_CLASS_MAX; size += 16) {
        begin(size);
        size_t last = (slab->capacity - 1) * size;
        for (size_t at = 0; at < PKI_SLAB_SIZE; at += TEST_OPTIMIZED ? 8 : 16) {
            EXPECT_AT(!is_held(at, size), at, size);
        }
        for (size_t at = 0; at <= last; at += size) {
            pki_block_hand_out(base + at, pki_reciprocal(size));
        }
        for (size_t at = 0; at < PKI_SLAB_SIZE; at += size % 2048 == 0 && TEST_OPTIMIZED ? 1 : 8) {
            EXPECT_AT(is_held(at, size) == (at <= last && at % size == 0), at, size);
        }
    }
}
END_TEST

START_TEST(held_and_idle_are_told_apart)
{
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        size_t size = pki_class_size(cls);
        begin(size);
        EXPECT(take(2) == 2);
        EXPECT_AT(!is_held(0, size) && !is_held(size, size), size, 0); /* in a stack */
        EXPECT_AT(pki_slab_put(slab, base, PKI_WAS_HELD) == PKI_PUT_FREE_ALREADY, size, 0);
        pki_block_hand_out(base, pki_reciprocal(size));
        EXPECT_AT(is_held(0, size) && !is_held(size, size), size, 0);
        EXPECT_AT(pki_slab_put(slab, base, PKI_WAS_HELD) == PKI_PUT_DONE, size, 0);
        EXPECT_AT(!is_held(0, size), size, 0); /* at home, though not marked idle */
        EXPECT_AT(take(1) == 1 && out[0] == base && !is_held(0, size), size, 0);
        EXPECT_AT((pki_bits_get(pki_idle_of(slab->bits)) & 1) != 0, size, 0);
    }
}
END_TEST

START_TEST(runs_are_put_as_one_by_one)
{
    static bool held[MOST];
    rng r = rng_make(6);
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        begin(pki_class_size(cls));
        memset(held, 0, sizeof held);
        for (unsigned step = 0; step < scaled(600) + 30; step++) {
            void *batch[BATCH];
            unsigned got = take((unsigned)rng_below(&r, slab->capacity) + 1);
            for (unsigned i = 0; i < got; i++) {
                held[((char *)out[i] - base) / (ptrdiff_t)slab->block_size] = true;
            }
            unsigned n = make_batch(&r, batch, held);
            if (n > 0 && rng_below(&r, 3) == 0) {
                put_faulty_batch(&r, batch, n, held);
            } else {
                put_batch(batch, n, held);
            }
            for (unsigned i = 0; i < slab->fresh; i++) {
                bool is_free = (pki_slab_bits(slab)[i / 64] >> (i % 64) & 1) != 0;
                EXPECT_AT(is_free == !held[i], i, cls);
            }
            slab_is_sound();
        }
    }
}
END_TEST

/* -- purge -- */

static size_t number_of(const void *p) { return (size_t)((const char *)p - base); }

/* Has the page at `at` a byte of a block that is in use? */
static bool page_is_used(size_t at, size_t page)
{
    for (size_t i = 0; i < slab->fresh; i++) {
        bool is_free = (pki_slab_bits(slab)[i / 64] >> (i % 64) & 1) != 0;
        size_t first = i * slab->block_size, last = first + slab->block_size - 1;
        if (!is_free && first < at + page && last >= at) return true;
    }
    return false;
}

/* Blocks in use keep their bytes, pages without one are gone, and a second purge finds nothing. */
static void purge_and_look(size_t size)
{
    size_t page = pki_os_page_size(), want = 0;
    for (size_t at = 0; at < (size_t)slab->fresh * size; at += page)
        want += page_is_used(at, page) ? 0 : page;
    size_t bytes = pki_slab_purge(slab);
    EXPECT_AT(bytes == want, bytes, want);
    for (size_t at = 0; at < PKI_SLAB_SIZE; at += page) {
        bool used = page_is_used(at, page);
        EXPECT_AT(used || pattern_zero(base + at, page, page), at, size);
        EXPECT_AT(!used || !memory_is_measurable() || page_is_resident(base + at), at, size);
    }
    EXPECT_AT(pki_slab_purge(slab) == 0, size, 0);
}

static void fill_and_free_some(size_t size, rng *r)
{
    begin(size);
    unsigned n = take((unsigned)rng_below(r, slab->capacity) + 1);
    for (unsigned i = 0; i < n; i++) {
        memset(out[i], 0xA5, size);
        pattern_fill(out[i], size, number_of(out[i]));
    }
    for (unsigned i = 0; i < n;) { /* in stretches, so that whole pages become free */
        unsigned length = (unsigned)rng_below(r, 3 * 4096 / size + 3);
        bool put = rng_below(r, 4) != 0;
        for (; length > 0 && i < n; length--, i++)
            if (put) EXPECT(pki_slab_put(slab, out[i], PKI_WAS_IDLE) == PKI_PUT_DONE);
    }
}

static void used_blocks_hold(size_t size)
{
    for (size_t i = 0; i < slab->fresh; i++) {
        bool is_free = (pki_slab_bits(slab)[i / 64] >> (i % 64) & 1) != 0;
        EXPECT_AT(is_free || pattern_holds(base + i * size, size, size, i * size), i, size);
    }
}

START_TEST(purge_takes_free_pages_only)
{
    rng r = rng_make(5);
    for (unsigned round = 0; round < scaled(400) + 4; round++) {
        size_t size = pki_class_size((unsigned)rng_below(&r, PKI_CLASSES));
        fill_and_free_some(size, &r);
        purge_and_look(size);
        used_blocks_hold(size);
        pki_os_purge(base, PKI_SLAB_SIZE);
    }
}
END_TEST

/* Pages that were purged and used again are purged again. */
START_TEST(purge_twice)
{
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        size_t size = pki_class_size(cls);
        begin(size);
        unsigned all = take(MOST), keep = all - 1;
        for (int round = 0; round < 3; round++) {
            for (unsigned i = 0; i < all; i++) memset(out[i], 1, size);
            for (unsigned i = 0; i < keep; i++)
                EXPECT(pki_slab_put(slab, out[i], PKI_WAS_IDLE) == PKI_PUT_DONE);
            purge_and_look(size);
            EXPECT_AT(take(keep) == keep && slab->purged == 0, size, slab->purged);
        }
        pki_os_purge(base, PKI_SLAB_SIZE);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("slab");
    TCase *tcase = tcase_create("slab");
    tcase_add_checked_fixture(tcase, setup, teardown);
    ADD_CASE(suite, tcase, 30, reciprocals_are_exact, addresses_find_their_records,
             begins_all_fresh, fresh_blocks_ascend, every_order_of_six, hint_follows_the_lowest,
             random_against_flags, what_is_no_block, only_what_the_program_has_is_held,
             held_and_idle_are_told_apart, runs_are_put_as_one_by_one, purge_takes_free_pages_only,
             purge_twice);
    return suite;
}

TEST_MAIN(make_suite)
