/* SPDX-License-Identifier: MIT
 * owner_test.c: src/slab/owner.c: stacks, and blocks that other threads bring home. */
#include "build.h"
#include "os/pages.h"
#include "owner_fixture.h"
#include "pages_fixture.h"
#include "rng.h"
#include "runner.h"

enum { MOST = 5000 };

static void *block[MOST];

static const pki_class *class_at(unsigned cls) { return &pki_heap_geometry.classes[cls]; }

static size_t size_at(unsigned cls) { return class_at(cls)->size; }

static void alloc_blocks(size_t n, size_t size)
{
    batch_alloc(&(batch){.heap = heap, .block = block, .n = n, .size = size});
}

static void free_blocks(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) pk_heap_free(block[i]);
}

/* -- stacks -- */

START_TEST(refill_brings_half_a_stack)
{
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        const pki_class *c = class_at(cls);
        size_t want = pki_min(c->refill, (c->stack_first + 1u) / 2);
        block[0] = pk_heap_alloc(heap, c->size);
        pki_owner *me = owner_of_me(heap);
        EXPECT_AT(me && me->list[cls].capacity == c->stack_first, cls, 0);
        EXPECT_AT(stacked(me, cls) == want - 1, cls, stacked(me, cls));
        EXPECT_AT(pki_slab_of(block[0])->used == want, cls, want);
        heap_is_sound(heap);
    }
}
END_TEST

/* The lowest address is on top, whatever was freed before. */
START_TEST(lowest_address_first)
{
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        alloc_blocks(class_at(cls)->refill + 1u, size_at(cls));
        for (unsigned i = 1; i < class_at(cls)->refill; i++) {
            bool same = pki_slab_of(block[i]) == pki_slab_of(block[i - 1]);
            EXPECT_AT(!same || block[i] > block[i - 1], cls, i);
        }
    }
}
END_TEST

/* Doubles twice over with a burst of frees, to the class's bound and no further. */
START_TEST(stacks_grow_to_their_bound)
{
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        size_t n = class_at(cls)->stack_max * 3u + 10, last = class_at(cls)->stack_first;
        alloc_blocks(n, size_at(cls));
        pki_owner *me = owner_of_me(heap);
        EXPECT_AT(me->list[cls].capacity == last, cls, me->list[cls].capacity);
        for (size_t i = 0; i < n; i++) {
            pk_heap_free(block[i]);
            size_t now = me->list[cls].capacity;
            EXPECT_AT(now == last || now == pki_min(4 * last + 3, class_at(cls)->stack_max), cls,
                      now);
            EXPECT_AT(stacked(me, cls) <= now, cls, stacked(me, cls));
            last = now;
        }
        EXPECT_AT(last == class_at(cls)->stack_max, cls, last);
        EXPECT_AT(stacked(me, cls) >= last / 2, cls, stacked(me, cls));
        heap_is_sound(heap);
    }
}
END_TEST

/* A full stack sends its older half home: the blocks freed last stay. */
START_TEST(full_stack_flushes_the_oldest)
{
    enum { CLS = 40 };
    size_t most = class_at(CLS)->stack_max;
    alloc_blocks(3 * most, size_at(CLS));
    pki_owner *me = owner_of_me(heap);
    pki_owner_flush(me);
    EXPECT(stacked(me, CLS) == 0);
    while (me->list[CLS].capacity < most || stacked(me, CLS) < most)
        pk_heap_free(block[stacked(me, CLS)]);
    pk_heap_free(block[most]);
    size_t left = stacked(me, CLS);
    EXPECT_AT(left == most - (most + 1) / 2 + 1, left, most);
    for (size_t i = 0; i < left; i++) {
        EXPECT_AT(pk_heap_alloc(heap, size_at(CLS)) == block[most - i], i, left);
    }
    heap_is_sound(heap);
}
END_TEST

START_TEST(flush_empties_all)
{
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        alloc_blocks(10, size_at(cls));
        free_blocks(0, 10);
    }
    pki_owner *me = owner_of_me(heap);
    pki_owner_flush(me);
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        EXPECT_AT(stacked(me, cls) == 0 && me->list[cls].n_slabs == 0, cls, 0);
    }
    EXPECT(heap_figures(heap).n_live == 0);
    EXPECT(me->n_spare == PKI_SPARE_SLABS && heap->space.used == 2 * PKI_SLAB_SIZE);
}
END_TEST

START_TEST(spare_slabs_are_used_first)
{
    alloc_blocks(1, 100);
    pki_owner *me = owner_of_me(heap);
    pk_heap_free(block[0]);
    pki_owner_flush(me);
    EXPECT(me->n_spare == 1);
    pki_slab *spare = me->spare[0];
    void *p = pk_heap_alloc(heap, 5000);
    EXPECT(pki_slab_of(p) == spare && me->n_spare == 0);
    EXPECT(spare->bin == pki_class_of(5000) && !spare->zero);
}
END_TEST

/* -- what is done now and then -- */

START_TEST(idle_stacks_are_flushed)
{
    enum { CLS = 3 };
    alloc_blocks(20, size_at(CLS));
    free_blocks(0, 20);
    pki_owner *me = owner_of_me(heap);
    size_t n = stacked(me, CLS);
    force_tick(me); /* sees it for the first time */
    EXPECT(stacked(me, CLS) == n && n >= 20);
    block[0] = pk_heap_alloc(heap, size_at(CLS)); /* it is in use */
    force_tick(me);
    EXPECT_AT(stacked(me, CLS) == n - 1, stacked(me, CLS), n);
    force_tick(me);
    EXPECT_AT(stacked(me, CLS) == 0, stacked(me, CLS), 0);
    heap_is_sound(heap);
}
END_TEST

/* Two ticks without a take or put, and the free pages of a slab go. */
START_TEST(idle_slabs_are_purged)
{
    alloc_blocks(256, 256);
    for (size_t i = 0; i < 256; i++) memset(block[i], 1, 256);
    free_blocks(1, 256);
    pki_owner *me = owner_of_me(heap);
    pki_owner_flush(me);
    pki_slab *slab = pki_slab_of(block[0]);
    EXPECT(slab->used == 1 && slab->purged == 0);
    force_tick(me);
    EXPECT_AT(slab->purged == 0 && !slab->settled, slab->purged, 0);
    force_tick(me);
    EXPECT_AT(slab->purged == 0xFFFE && slab->settled, slab->purged, 0);
    EXPECT(pattern_zero((char *)block[0] + 4096, 60 * KIB, 64 * KIB) && *(char *)block[0] == 1);
    EXPECT(pk_heap_alloc(heap, 256) && !slab->settled);
}
END_TEST

/* -- remote frees -- */

START_TEST(full_outbox_is_sent)
{
    helper h;
    batch b = {.heap = heap, .block = block, .n = 200, .size = 64};
    helper_hire(&h);
    helper_do(&h, batch_alloc, &b);
    pki_owner *theirs = b.owner;
    pki_owner_flush(theirs); /* it waits: nobody else touches its stacks */
    size_t used = 200;
    for (size_t i = 0; i < 200; i++) {
        pk_heap_free(block[i]);
        pki_owner *me = owner_of_me(heap);
        size_t waiting = (i + 1) % PKI_OUTBOX_BLOCKS;
        EXPECT_AT(in_outboxes(me) == waiting, in_outboxes(me), i);
        used = 200 - (i + 1 - waiting);
        EXPECT_AT(pki_slab_of(block[199])->used == used, i, used);
        EXPECT_AT(stacked(theirs, pki_class_of(64)) == 0, i, 0);
    }
    EXPECT(heap_figures(heap).n_live == 0);
    pki_owner_send(owner_of_me(heap));
    EXPECT(theirs->n_spare == 1 && in_outboxes(owner_of_me(heap)) == 0);
    helper_dismiss(&h);
}
END_TEST

/* Also by bytes: not more than a slab's size waits. */
START_TEST(heavy_outbox_is_sent)
{
    helper h;
    batch b = {.heap = heap, .block = block, .n = 8, .size = 20000};
    helper_hire(&h);
    helper_do(&h, batch_alloc, &b);
    size_t size = pk_heap_usable(block[0]), bytes = 0;
    for (size_t i = 0; i < 8; i++) {
        pk_heap_free(block[i]);
        bytes = bytes + size >= PKI_SLAB_SIZE ? 0 : bytes + size;
        size_t waiting = atomic_load(&owner_of_me(heap)->mail_bytes);
        EXPECT_AT(waiting == bytes, waiting, bytes);
    }
    helper_dismiss(&h);
}
END_TEST

/* Ids that share a box: the blocks of the first go home before those of the second come in. */
START_TEST(shared_box_is_sent_first)
{
    static helper h[PKI_OUTBOXES + 1];
    static batch b[PKI_OUTBOXES + 1];
    for (unsigned i = 0; i <= PKI_OUTBOXES; i++) {
        b[i] = (batch){.heap = heap, .block = block + 10 * i, .n = 10, .size = 64};
        helper_hire(&h[i]);
        helper_do(&h[i], batch_alloc, &b[i]);
    }
    pki_owner *first = b[0].owner, *last = b[PKI_OUTBOXES].owner;
    EXPECT(first->key >> 16 != last->key >> 16);
    EXPECT((first->key >> 16) % PKI_OUTBOXES == (last->key >> 16) % PKI_OUTBOXES);
    unsigned used = pki_slab_of(block[0])->used;
    free_blocks(0, 5);
    free_blocks(10, 13);
    EXPECT(pki_slab_of(block[0])->used == used && in_outboxes(owner_of_me(heap)) == 8);
    pk_heap_free(block[10 * PKI_OUTBOXES]);
    EXPECT(pki_slab_of(block[0])->used == used - 5 && in_outboxes(owner_of_me(heap)) == 4);
    EXPECT(pki_slab_of(block[0])->hint == 0 && pki_slab_of(block[10])->used == used);
    heap_is_sound(heap);
    for (unsigned i = 0; i <= PKI_OUTBOXES; i++) helper_dismiss(&h[i]);
}
END_TEST

/* What waits goes home at a tick, and when its thread ends. */
START_TEST(mail_does_not_wait_for_ever)
{
    helper h;
    alloc_blocks(40, 64);
    pki_owner *me = owner_of_me(heap);
    pki_owner_flush(me);
    batch b = {.heap = heap, .block = block, .n = 20, .size = 64};
    helper_hire(&h);
    helper_do(&h, batch_free, &b);
    EXPECT(in_outboxes(b.owner) == 20 && pki_slab_of(block[39])->used == 40);
    force_tick(b.owner); /* it waits: this is as good as its own tick */
    EXPECT(in_outboxes(b.owner) == 0 && pki_slab_of(block[39])->used == 20);
    b.block += 20;
    b.n = 0;
    helper_do(&h, batch_free, &b);
    for (size_t i = 20; i < 39; i++)
        pki_owner_free_remote(b.owner, pki_word_at(block[i]), block[i]);
    EXPECT(in_outboxes(b.owner) == 19);
    helper_dismiss(&h);
    EXPECT(pki_slab_of(block[39])->used == 1);
    EXPECT(me != b.owner && heap_figures(heap).n_live == 1);
}
END_TEST

static void free_of_one_list(void *arg)
{
    batch *b = arg;
    batch_free(b);
    pki_owner_send(b->owner);
}

/* Threads that free each other's blocks at once, every size; nothing is lost. */
START_TEST(crosswise)
{
    enum { THREADS = 3, N = 600 };
    static helper h[THREADS];
    static batch b[THREADS];
    for (unsigned round = 0; round < scaled(60) + 2; round++) {
        for (unsigned i = 0; i < THREADS; i++) {
            b[i] = (batch){heap, block + i * N, N, size_at((round * 7 + i) % PKI_CLASSES), NULL};
            if (round == 0) helper_hire(&h[i]);
            helper_do(&h[i], batch_alloc, &b[i]);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            helper_do(&h[(i + 1 + round % 2) % THREADS], free_of_one_list, &b[i]);
        }
        EXPECT_AT(heap_figures(heap).n_live == 0, round, heap_figures(heap).n_live);
        heap_is_sound(heap);
    }
    for (unsigned i = 0; i < THREADS; i++) helper_dismiss(&h[i]);
}
END_TEST

/* -- known zero -- */

static size_t touched_by_zalloc(size_t n, size_t size)
{
    size_t page = pki_os_page_size(), in_core = 0;
    for (size_t i = 0; i < n; i++) {
        char *p = block[i] = pk_heap_zalloc(heap, size);
        EXPECT(p);
        char *first = (char *)pki_align_up((uintptr_t)p, page);
        char *last = (char *)pki_align_down((uintptr_t)p + size, page);
        if (last > first) in_core += resident_pages(first, (size_t)(last - first));
    }
    return in_core;
}

/* Fresh blocks above 1 KiB are not touched, those that were used before are cleared. */
START_TEST(fresh_medium_blocks_stay_untouched)
{
    static const size_t sizes[] = {5000, 8192, 13000, 20000, 32768, 100000, 700000, 3 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = pki_min(60, 20 * MIB / sizes[i]), touched;
        if (!memory_is_measurable()) break;
        touched = touched_by_zalloc(n, sizes[i]);
        EXPECT_AT(touched == 0, sizes[i], touched);
        for (size_t k = 0; k < n; k++) memset(block[k], 0xEE, sizes[i]);
        free_blocks(0, n);
        EXPECT_AT(touched_by_zalloc(n, sizes[i]) > 0, sizes[i], 0);
        for (size_t k = 0; k < n; k++)
            EXPECT_AT(pattern_zero(block[k], sizes[i], 4 * MIB), sizes[i], k);
        free_blocks(0, n);
        pk_heap_trim(heap, 0);
    }
}
END_TEST

static void *alloc_somehow(rng *r, size_t size)
{
    if (rng_below(r, 2) == 0) return pk_heap_alloc(heap, size);
    void *p = pk_heap_zalloc(heap, size);
    EXPECT_AT(pattern_zero(p, size, size), size, 0);
    return p;
}

/* Mixed with alloc, free, trims and ticks: zeroed is zero to the last byte. */
START_TEST(zeroed_is_zero)
{
    rng r = rng_make(rng_run_seed());
    memset(block, 0, sizeof block);
    for (size_t i = 0; i < scaled(150000); i++) {
        void **slot = &block[rng_below(&r, 100)];
        if (*slot) {
            memset(*slot, 0xEE, pk_heap_usable(*slot));
            pk_heap_free(*slot);
            *slot = NULL;
        } else {
            size_t few = rng_below(&r, 3) ? 2 : PKI_CLASSES; /* mostly one of two sizes */
            *slot = alloc_somehow(&r, size_at(PKI_CLASSES - 1 - (unsigned)rng_below(&r, few)) - 7);
        }
        if (rng_below(&r, 2000) == 0) pk_heap_trim(heap, 0);
        if (rng_below(&r, 2000) == 0) force_tick(owner_of_me(heap));
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("owner");
    ADD_CASE(suite, heap_case("stacks"), 30, refill_brings_half_a_stack, lowest_address_first,
             stacks_grow_to_their_bound, full_stack_flushes_the_oldest, flush_empties_all,
             spare_slabs_are_used_first);
    ADD_CASE(suite, heap_case("tick"), 30, idle_stacks_are_flushed, idle_slabs_are_purged);
    ADD_CASE(suite, heap_case("remote"), 60, full_outbox_is_sent, heavy_outbox_is_sent,
             shared_box_is_sent_first, mail_does_not_wait_for_ever, crosswise);
    ADD_CASE(suite, heap_case("zero"), 60, fresh_medium_blocks_stay_untouched, zeroed_is_zero);
    return suite;
}

TEST_MAIN(make_suite)
