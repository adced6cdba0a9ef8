/* SPDX-License-Identifier: MIT
 * owner_life_test.c: src/slab/owner_life.c and thread.c: owners come and go with threads. */
#include "build.h"
#include "fault_log.h"
#include "owner_fixture.h"
#include "rss.h"
#include "runner.h"
#include "slab/meta.h"

enum { MOST = 300 };

static void *block[MOST];

/* The first block of a thread makes its owner; it stays until the heap goes. */
static void attach(void)
{
    void *first = pk_heap_alloc(heap, 1);
    EXPECT(first != NULL);
}

/* -- orphans -- */

START_TEST(ended_thread_leaves_an_orphan)
{
    helper h;
    batch b = {.heap = heap, .block = block, .n = 100, .size = 64};
    attach();
    helper_hire(&h);
    batch more = {.heap = heap, .block = block, .n = 30, .size = 5000};
    helper_do(&h, batch_alloc, &more);
    helper_do(&h, batch_free, &more); /* or there would be no slab to spare */
    helper_do(&h, batch_alloc, &b);
    EXPECT(b.owner->thread != NULL && b.owner != owner_of_me(heap));
    EXPECT(stacked(b.owner, pki_class_of(64)) > 0 && heap->space.n_orphans == 0);
    helper_dismiss(&h);
    EXPECT(b.owner->thread == NULL && heap->space.orphans == b.owner);
    EXPECT(heap->space.n_orphans == 1 && heap->space.n_owners == 2);
    EXPECT(stacked(b.owner, pki_class_of(64)) == 0 && b.owner->n_spare == 0);
    EXPECT(pki_slab_of(block[0])->used == 100 && heap_figures(heap).n_live == 101);
    heap_is_sound(heap);
    batch_free(&b);
    pki_owner_send(owner_of_me(heap));
    EXPECT(heap_figures(heap).n_live == 1);
}
END_TEST

START_TEST(next_thread_adopts_the_record)
{
    batch b = {.heap = heap, .block = block, .n = 1, .size = 64};
    attach();
    in_a_thread(batch_alloc, &b);
    pki_owner *first = b.owner;
    uint32_t key = first->key;
    for (unsigned i = 1; i < 50; i++) {
        b.block = block + i;
        in_a_thread(batch_alloc, &b);
        EXPECT_AT(b.owner == first && first->key == key, i, 0);
        EXPECT_AT(pki_slab_of(block[i]) == pki_slab_of(block[0]), i, 0);
        EXPECT_AT(heap->space.n_owners == 2 && heap->space.n_orphans == 1, i, 0);
    }
    heap_is_sound(heap);
}
END_TEST

/* A slab of an orphan changes hands, and its blocks are then freed by everybody. */
START_TEST(slab_of_an_orphan_is_stolen)
{
    unsigned cls = pki_class_of(2000);
    batch b = {.heap = heap, .block = block, .n = 20, .size = 2000};
    attach();
    in_a_thread(batch_alloc, &b);
    pki_owner *orphan = b.owner, *me = owner_of_me(heap);
    pki_slab *slab = pki_slab_of(block[0]);
    EXPECT(orphan->list[cls].n_slabs == 1 && orphan->list[cls].first == slab);
    char *p = pk_heap_alloc(heap, 2000);
    EXPECT(pki_slab_of(p) == slab && p == (char *)block[19] + slab->block_size);
    EXPECT(pki_word_at(p) == (me->key | cls * 16) && owner_of_block(block[0]) == me);
    EXPECT(orphan->list[cls].n_slabs == 0 && orphan->list[cls].first == NULL);
    EXPECT(me->list[cls].n_slabs == 1 && me->list[cls].first == slab);
    heap_is_sound(heap);
    batch_free(&b);
    EXPECT(in_outboxes(me) == 0 && stacked(me, cls) >= 20);
    heap_is_sound(heap);
}
END_TEST

/* A running thread's slab is left alone, and so is an orphan's of another class. */
START_TEST(others_are_not_stolen_from)
{
    helper h;
    batch b = {.heap = heap, .block = block, .n = 20, .size = 2000};
    attach();
    helper_hire(&h);
    helper_do(&h, batch_alloc, &b);
    EXPECT(pki_slab_of(pk_heap_alloc(heap, 2000)) != pki_slab_of(block[0]));
    helper_dismiss(&h);
    EXPECT(pki_slab_of(pk_heap_alloc(heap, 3000)) != pki_slab_of(block[0]));
    EXPECT(owner_of_block(block[0]) == b.owner);
    heap_is_sound(heap);
}
END_TEST

/* Blocks that wait in an outbox while their slab changes hands find its new owner. */
START_TEST(mail_follows_a_stolen_slab)
{
    helper h;
    batch b = {.heap = heap, .block = block, .n = 20, .size = 2000}, c = b;
    attach();
    in_a_thread(batch_alloc, &b);
    EXPECT(b.owner->thread == NULL && heap->space.orphans == b.owner);
    pki_owner *extra = pki_owner_adopt(&heap->space); /* or the helper would adopt it */
    EXPECT(extra == b.owner);
    c.n = 10;
    helper_hire(&h);
    helper_do(&h, batch_free, &c);
    EXPECT(in_outboxes(c.owner) == 10 && pki_slab_of(block[0])->used == 20);
    pki_owner_leave(extra);
    void *p = pk_heap_alloc(heap, 2000);
    EXPECT(pki_slab_of(p) == pki_slab_of(block[0]) && owner_of_block(p) == owner_of_me(heap));
    unsigned used = pki_slab_of(p)->used;
    helper_dismiss(&h); /* sends */
    EXPECT(pki_slab_of(p)->used == used - 10);
    EXPECT(heap_figures(heap).n_live == 12);
    heap_is_sound(heap);
}
END_TEST

/* -- ids, on spaces of one class, whose owners are small -- */

static const pki_class one_class = {.size = 64,
                                    .reciprocal = 1 << 26,
                                    .capacity = 1024,
                                    .refill = 16,
                                    .stack_first = 31,
                                    .stack_max = 127};
static const pki_geometry one_geometry = {&one_class, 1};

static void begin_space(pki_space *space)
{
    memset(space, 0, sizeof *space);
    pki_space_init(space, &one_geometry, "ids", SIZE_MAX);
}

/* More owners after each other than there are ids; one that lives keeps its own. */
START_TEST(ids_are_used_again)
{
    pki_space living, passing;
    begin_space(&living);
    pki_owner *keeper = pki_owner_adopt(&living);
    size_t meta = 0;
    for (uint32_t i = 0; i < 140000; i++) {
        begin_space(&passing);
        pki_owner *owner = pki_owner_adopt(&passing);
        EXPECT_AT(owner && owner->key >> 16 != 0 && owner->key != keeper->key, i, 0);
        EXPECT_AT((owner->key & 0xFFFF) == 0 && pki_owner_by_word(owner->key) == owner, i, 0);
        EXPECT_AT(pki_owner_by_word(keeper->key) == keeper, i, 0);
        pki_owners_fini(&passing);
        if (i == 0) meta = pki_meta_committed();
    }
    EXPECT_AT(pki_meta_committed() == meta, pki_meta_committed(), meta);
    EXPECT(pki_owner_by_word(0) == NULL);
    pki_owners_fini(&living);
}
END_TEST

START_TEST(ids_run_out)
{
    pki_space many;
    begin_space(&many);
    size_t n = 0;
    while (pki_owner_adopt(&many)) n++;
    EXPECT_AT(n == 65535 && many.n_owners == 65535, n, many.n_owners);
    EXPECT(!pki_owner_adopt(&many) && pki_owner_by_word(0) == NULL);
    pki_owner_leave(many.owners);
    EXPECT(pki_owner_adopt(&many) == many.owners); /* an orphan is still to be had */
    pki_owners_fini(&many);
    for (uint32_t id = 0; id < 65536; id++) EXPECT_AT(!pki_owner_by_word(id << 16), id, 0);
    begin_space(&many);
    EXPECT(pki_owner_adopt(&many) != NULL);
    pki_owners_fini(&many);
}
END_TEST

/* -- threads past their end -- */

START_TEST(late_owner_serves_all)
{
    pk_status why = PK_OK;
    for (unsigned i = 0; i < MOST; i++) {
        block[i] = pki_space_alloc_direct(&heap->space, i % PKI_CLASSES, &(bool){false}, &why);
        EXPECT_AT(block[i] && owner_of_block(block[i]) == heap->space.late, i, why);
        pattern_fill(block[i], pki_class_size(i % PKI_CLASSES), i);
    }
    EXPECT(heap->space.n_owners == 1 && heap_figures(heap).n_live == MOST);
    heap_is_sound(heap);
    for (unsigned i = 0; i < MOST; i++) {
        size_t size = pki_class_size(i % PKI_CLASSES);
        EXPECT_AT(pattern_holds(block[i], size, size, i), i, size);
        pki_space_free_direct(pki_word_at(block[i]), block[i]);
    }
    EXPECT(heap_figures(heap).n_live == 0);
    heap_is_sound(heap);
}
END_TEST

static void *use_the_heap_too_late(void *arg)
{
    batch *b = arg;
    pki_this_thread.ended = true;
    for (size_t i = 0; i < b->n; i++) {
        b->block[i] = pk_heap_alloc(b->heap, b->size);
        EXPECT_AT(b->block[i] && owner_of_block(b->block[i]) == heap->space.late, i, b->size);
        pattern_fill(b->block[i], b->size, i);
        if (i % 2) continue;
        pk_heap_free(b->block[i]);
        b->block[i] = pk_heap_zalloc(b->heap, b->size);
        EXPECT_AT(pattern_zero(b->block[i], b->size, b->size), i, b->size);
        pattern_fill(b->block[i], b->size, i);
    }
    EXPECT(owner_of_me(b->heap) == NULL && pki_thread_attach(&b->heap->space) == NULL);
    return NULL;
}

START_TEST(ended_thread_may_allocate)
{
    pthread_t thread;
    batch b = {.heap = heap, .block = block, .n = 50, .size = 3000};
    thread_start(&thread, use_the_heap_too_late, &b);
    thread_join(thread);
    EXPECT(heap->space.n_orphans == 0 && heap_figures(heap).n_live == 50);
    batch_free(&b);
    heap_is_sound(heap);
}
END_TEST

START_TEST(faults_are_reported)
{
    fault_log log = {0};
    pk_on_fault(fault_log_add, &log);
    batch b = {.heap = heap, .block = block, .n = 2, .size = 64};
    attach();
    in_a_thread(batch_alloc, &b); /* remote: seen when they arrive */
    pk_heap_free(block[0]);
    pk_heap_free(block[0]);
    pk_heap_free((char *)block[1] + 16);
    pki_owner_send(owner_of_me(heap));
    EXPECT_AT(log.count == 2 && log.kind == PK_FAULT_NOT_A_BLOCK, log.count, log.kind);
    ck_assert_str_eq(log.pool, "heap");
    pki_space_free_direct(pki_word_at(block[0]), block[0]);
    EXPECT_AT(log.count == 3 && log.kind == PK_FAULT_DOUBLE_FREE, log.count, log.kind);
    EXPECT(heap_figures(heap).n_live == 2);
    pk_on_fault(NULL, NULL);
    heap_is_sound(heap);
}
END_TEST

/* -- slots and serial numbers -- */

static pk_heap *new_heap(void)
{
    pk_heap *one;
    EXPECT(pk_heap_create(&one, NULL) == PK_OK);
    return one;
}

START_TEST(slot_used_again_is_not_confused)
{
    helper h;
    helper_hire(&h);
    uint64_t serial = 0;
    uint32_t slot = 0;
    for (unsigned i = 0; i < 100; i++) {
        pk_heap *one = new_heap();
        EXPECT_AT(one->space.serial > serial && (i == 0 || one->space.slot == slot), i, 0);
        serial = one->space.serial;
        slot = one->space.slot;
        EXPECT_AT(owner_of_me(one) == NULL, i, 0);
        batch b = {.heap = one, .block = block, .n = 10, .size = 64};
        if (i % 3 != 1) batch_alloc(&b);
        EXPECT_AT(i % 3 == 1 || (b.owner->space == &one->space && one->space.owners), i, 0);
        helper_do(&h, batch_alloc, &b);
        EXPECT_AT(b.owner->space == &one->space && b.owner != owner_of_me(one), i, 0);
        heap_is_sound(one);
        pk_heap_destroy(one);
    }
    helper_dismiss(&h); /* its table names only destroyed heaps */
}
END_TEST

START_TEST(table_of_slots_grows)
{
    enum { HEAPS = 200 };
    pk_heap *one[HEAPS];
    for (unsigned i = 0; i < HEAPS; i++) {
        one[i] = new_heap();
        for (unsigned k = 0; k < i; k++) EXPECT_AT(one[k]->space.slot != one[i]->space.slot, i, k);
    }
    for (unsigned i = HEAPS; i-- > 0;) { /* the highest slot first */
        block[i] = pk_heap_alloc(one[i], 64);
        EXPECT_AT(owner_of_me(one[i])->space == &one[i]->space, i, 0);
        EXPECT_AT(pk_heap_of(block[i]) == one[i], i, 0);
    }
    for (unsigned i = 0; i < HEAPS; i++) {
        EXPECT_AT(owner_of_me(one[i])->space == &one[i]->space, i, 0);
        pk_heap_destroy(one[i]);
    }
}
END_TEST

/* Threads that use many heaps and end leave nothing behind but their orphans. */
START_TEST(threads_with_many_heaps_end)
{
    enum { HEAPS = 3000 };
    static pk_heap *one[HEAPS];
    size_t meta = 0, addresses = 0;
    for (unsigned i = 0; i < HEAPS; i++) one[i] = new_heap();
    for (unsigned i = 0; i < 40; i++) {
        batch b = {.heap = one[HEAPS - 1], .block = block + i, .n = 1, .size = 64};
        in_a_thread(batch_alloc, &b);
        if (i == 3) meta = pki_meta_committed();
        if (i == 3) addresses = vm_now();
    }
    EXPECT_AT(pki_meta_committed() == meta, pki_meta_committed(), meta);
    EXPECT_AT(!memory_is_measurable() || vm_now() == addresses, vm_now(), addresses);
    for (unsigned i = 0; i < HEAPS; i++) pk_heap_destroy(one[i]);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("owner_life");
    ADD_CASE(suite, heap_case("orphans"), 30, ended_thread_leaves_an_orphan,
             next_thread_adopts_the_record, slab_of_an_orphan_is_stolen, others_are_not_stolen_from,
             mail_follows_a_stolen_slab);
    ADD_CASE(suite, tcase_create("ids"), 60, ids_are_used_again, ids_run_out);
    ADD_CASE(suite, heap_case("late"), 30, late_owner_serves_all, ended_thread_may_allocate,
             faults_are_reported);
    ADD_CASE(suite, heap_case("slots"), 30, slot_used_again_is_not_confused, table_of_slots_grows,
             threads_with_many_heaps_end);
    return suite;
}

TEST_MAIN(make_suite)
