/* SPDX-License-Identifier: MIT
 * fork_test.c: src/slab/fork.c: the child of a program with threads has a sound heap, in which the
 * other threads' owners are orphans. */
#include "build.h"
#include "owner_fixture.h"
#include "pages_fixture.h"
#include "rng.h"
#include "runner.h"
#include "slab/fork.h"
#include "slab/meta.h"

enum { N = 400, WORKERS = 3 };

static helper other;
static batch of_other, of_me;
static void *theirs[N], *mine[N];

static void audits_fail_with_2(pk_heap *one)
{
    char text[256] = "";
    if (pk_heap_audit(one, text, sizeof text) != 0 || !pk_heap_check(one)) {
        fprintf(stderr, "audit in the child: %s\n", text);
        _exit(2);
    }
}

/* Blocks of every kind can be had and freed. */
static void use(pk_heap *one)
{
    void *p[200];
    for (size_t i = 0; i < 200; i++) {
        size_t n = i == 199 ? 3 * MIB : i > 190 ? i * 1000 : i * 40;
        p[i] = pk_heap_alloc(one, n);
        EXPECT_AT(p[i] != NULL, i, n);
        pattern_fill(p[i], n, i);
    }
    for (size_t i = 0; i < 200; i++) {
        size_t n = i == 199 ? 3 * MIB : i > 190 ? i * 1000 : i * 40;
        EXPECT_AT(pattern_holds(p[i], n, n, i), i, n);
        pk_heap_free(p[i]);
    }
}

static void populate(void)
{
    of_me = (batch){.heap = heap, .block = mine, .n = N, .size = 64};
    of_other = (batch){.heap = heap, .block = theirs, .n = N, .size = 200};
    batch_alloc(&of_me);
    helper_hire(&other);
    helper_do(&other, batch_alloc, &of_other);
    batch some = of_me; /* its outbox and stacks are not empty */
    some.n = 30;
    helper_do(&other, batch_free, &some);
    some = of_other;
    some.n = 50;
    helper_do(&other, batch_free, &some);
    EXPECT(in_outboxes(of_other.owner) == 30 && stacked(of_other.owner, pki_class_of(200)) > 0);
}

static bool is_orphan(const pki_owner *owner)
{
    const pki_owner *o = heap->space.orphans;
    while (o && o != owner) o = o->next_orphan;
    return o != NULL && owner->thread == NULL;
}

static void look_at_the_child(void *unused)
{
    (void)unused;
    audits_fail_with_2(heap);
    EXPECT(is_orphan(of_other.owner) && !is_orphan(of_me.owner));
    EXPECT(heap->space.n_orphans == 1 && owner_of_me(heap) == of_me.owner);
    EXPECT(in_outboxes(of_other.owner) == 0 && stacked(of_other.owner, pki_class_of(200)) == 0);
    for (size_t i = 50; i < N; i++) {
        EXPECT_AT(pattern_holds(theirs[i], 200, 200, i), i, 0);
        pk_heap_free(theirs[i]);
    }
    for (size_t i = 30; i < N; i++) {
        EXPECT_AT(pattern_holds(mine[i], 64, 64, i), i, 0);
        pk_heap_free(mine[i]);
    }
    use(heap);
    audits_fail_with_2(heap);
    pk_heap_trim(heap, 0);
    audits_fail_with_2(heap);
    pk_heap_destroy(heap);
}

START_TEST(others_become_orphans)
{
    populate();
    ends_well(look_at_the_child, NULL);
    EXPECT(of_other.owner->thread != NULL && !is_orphan(of_other.owner));
    EXPECT(in_outboxes(of_other.owner) == 30 && heap_figures(heap).n_live == 2 * N - 80);
    helper_do(&other, batch_alloc, &(batch){.heap = heap, .block = mine, .n = 30, .size = 64});
    heap_is_sound(heap);
    helper_dismiss(&other);
}
END_TEST

static void adopt_in_child(void *unused)
{
    static batch b;
    static void *block[10];
    (void)unused;
    b = (batch){.heap = heap, .block = block, .n = 10, .size = 200};
    in_a_thread(batch_alloc, &b);
    EXPECT(b.owner == of_other.owner && is_orphan(b.owner) && heap->space.n_orphans == 1);
    batch_free(&b);
    audits_fail_with_2(heap);
    ends_well(look_at_the_child, NULL); /* and the child's child */
}

START_TEST(child_may_start_threads_and_fork)
{
    if (TEST_SANITIZED || TEST_EMULATED) return; /* the thread sanitizer and qemu do not allow it */
    populate();
    ends_well(adopt_in_child, NULL);
    helper_dismiss(&other);
}
END_TEST

/* Not the first thread forks: now it is the first one whose owner is an orphan. */
static void look_from_the_other_side(void *unused)
{
    (void)unused;
    audits_fail_with_2(heap);
    EXPECT(is_orphan(of_me.owner) && !is_orphan(of_other.owner));
    EXPECT(owner_of_me(heap) == of_other.owner && in_outboxes(of_other.owner) == 30);
    pki_owner_flush(owner_of_me(heap));
    use(heap);
    audits_fail_with_2(heap);
}

static void fork_from_the_other_side(void *unused)
{
    (void)unused;
    ends_well(look_from_the_other_side, NULL);
}

START_TEST(any_thread_may_fork)
{
    populate();
    helper_do(&other, fork_from_the_other_side, NULL);
    heap_is_sound(heap);
    helper_dismiss(&other);
}
END_TEST

/* -- while others are busy -- */

static _Atomic bool stop;
static pk_heap *shared[2];
static void *_Atomic swapped[64];

/* Blocks of many sizes go through a table from which all workers take: half of the frees are
 * remote, and locks are held much of the time. */
static void *work(void *seed)
{
    rng r = rng_make((uintptr_t)seed);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        pk_heap *one = rng_below(&r, 4) ? shared[rng_below(&r, 2)] : pk_heap_process();
        void *p = pk_heap_alloc(one, rng_size(&r, 100 * KIB));
        EXPECT(p != NULL);
        *(char *)p = 1;
        if (rng_below(&r, 50) == 0) p = pk_heap_realloc(one, p, MIB + rng_size(&r, 4 * MIB));
        if (rng_below(&r, 50) == 0) p = pk_heap_realloc(one, p, rng_size(&r, 4 * MIB));
        EXPECT(p != NULL);
        pk_heap_free(atomic_exchange(&swapped[rng_below(&r, 64)], p));
        if (rng_below(&r, 500) == 0) pk_heap_trim(one, 0);
    }
    return NULL;
}

static void look_at_busy_child(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        pk_heap *one = i < 2 ? shared[i] : pk_heap_process();
        audits_fail_with_2(one);
        use(one);
        audits_fail_with_2(one);
    }
    for (size_t i = 0; i < 64; i++) pk_heap_free(atomic_exchange(&swapped[i], NULL));
    pk_heap_destroy(shared[0]);
    pk_heap_destroy(shared[1]);
}

START_TEST(fork_while_others_work)
{
    pthread_t worker[WORKERS];
    for (size_t i = 0; i < 2; i++) EXPECT(pk_heap_create(&shared[i], NULL) == PK_OK);
    use(shared[0]);
    for (uintptr_t i = 0; i < WORKERS; i++) thread_start(&worker[i], work, (void *)(i + 1));
    for (size_t i = 0; i < scaled(100) + 5; i++) ends_well(look_at_busy_child, NULL);
    atomic_store(&stop, true);
    for (size_t i = 0; i < WORKERS; i++) thread_join(worker[i]);
    for (size_t i = 0; i < 64; i++) pk_heap_free(atomic_load(&swapped[i]));
    for (size_t i = 0; i < 2; i++) {
        heap_is_sound(shared[i]);
        pk_heap_destroy(shared[i]);
    }
}
END_TEST

static void *resize_a_large_block(void *unused)
{
    rng r = rng_make(7);
    (void)unused;
    void *p = pk_heap_alloc(heap, 2 * MIB);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        p = pk_heap_realloc(heap, p, 2 * MIB + rng_below(&r, 30 * MIB));
        EXPECT(p != NULL);
    }
    pk_heap_free(p);
    return NULL;
}

static void audit_only(void *unused)
{
    (void)unused;
    audits_fail_with_2(heap);
}

/* What is charged and what is mapped agree at any moment. */
START_TEST(fork_while_large_blocks_change)
{
    pthread_t worker;
    pk_heap_free(pk_heap_alloc(heap, 1));
    thread_start(&worker, resize_a_large_block, NULL);
    for (size_t i = 0; i < scaled(100) + 5; i++) ends_well(audit_only, NULL);
    atomic_store(&stop, true);
    thread_join(worker);
}
END_TEST

/* -- locks -- */

static pki_lock *all_locks[8];

static void locks_are_free(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < 8 && all_locks[i]; i++) {
        EXPECT_AT(atomic_load(&all_locks[i]->word) == 0 && all_locks[i]->depth == 0, i, 0);
    }
    audits_fail_with_2(heap);
    use(heap);
}

/* No lock stays taken in either process, and none is forgotten before. */
START_TEST(locks_are_given_back)
{
    populate();
    all_locks[0] = &heap->space.lock;
    all_locks[1] = &heap->space.owners_lock;
    all_locks[2] = &of_me.owner->lock;
    all_locks[3] = &of_other.owner->lock;
    all_locks[4] = &pki_process_heap.space.lock;
    ends_well(locks_are_free, NULL);
    locks_are_free(NULL);
    helper_dismiss(&other);
}
END_TEST

/* A lock that the forking thread holds (a signal interrupted it inside) stays his in the child. */
static void held_stays_held(void *lock)
{
    EXPECT(pki_lock_is_mine(lock) && !pki_lock_is_mine(&heap->space.owners_lock));
    pki_lock_give(lock);
    audits_fail_with_2(heap);
    use(heap);
}

START_TEST(held_lock_is_left_alone)
{
    pk_heap_free(pk_heap_alloc(heap, 1));
    pki_lock *held[] = {&heap->space.lock, &owner_of_me(heap)->lock};
    for (size_t i = 0; i < 2; i++) {
        pki_lock_take(held[i]);
        ends_well(held_stays_held, held[i]);
        EXPECT_AT(pki_lock_is_mine(held[i]) && held[i]->depth == 0, i, held[i]->depth);
        pki_lock_give(held[i]);
        heap_is_sound(heap);
    }
    ends_well(locks_are_free, NULL);
}
END_TEST

/* -- the program's own handlers -- */

static unsigned n_handled[3];

static void handler_allocates(unsigned which)
{
    if (!heap) return;
    n_handled[which]++;
    use(heap);
    use(pk_heap_process());
    void *p = pk_heap_zalloc(heap, 5000);
    EXPECT(p && pk_heap_realloc(heap, p, 50000));
}

static void handler_before(void) { handler_allocates(0); }
static void handler_in_parent(void) { handler_allocates(1); }
static void handler_in_child(void) { handler_allocates(2); }

static void handled_in_child(void *unused)
{
    (void)unused;
    EXPECT(n_handled[0] == n_handled[1] + 1 && n_handled[2] == 1);
    locks_are_free(NULL);
}

static void fork_with_handlers(void)
{
    for (unsigned i = 0; i < 5; i++) ends_well(handled_in_child, NULL);
    EXPECT(n_handled[0] == 5 && n_handled[1] == 5 && n_handled[2] == 0);
    heap_is_sound(heap);
}

/* Registered before poolkit's, they run while all locks are held. */
START_TEST(handlers_inside_may_allocate)
{
    EXPECT(pthread_atfork(handler_before, handler_in_parent, handler_in_child) == 0);
    heap_setup();
    populate();
    fork_with_handlers();
    helper_dismiss(&other);
    heap_teardown();
}
END_TEST

START_TEST(handlers_outside_may_allocate)
{
    heap_setup();
    populate();
    EXPECT(pthread_atfork(handler_before, handler_in_parent, handler_in_child) == 0);
    fork_with_handlers();
    helper_dismiss(&other);
    heap_teardown();
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("fork");
    ADD_CASE(suite, heap_case("child"), 20, others_become_orphans, child_may_start_threads_and_fork,
             any_thread_may_fork);
    ADD_CASE(suite, tcase_create("busy"), 60, fork_while_others_work);
    ADD_CASE(suite, heap_case("large"), 60, fork_while_large_blocks_change);
    ADD_CASE(suite, heap_case("locks"), 20, locks_are_given_back, held_lock_is_left_alone);
    ADD_CASE(suite, tcase_create("handlers"), 20, handlers_inside_may_allocate,
             handlers_outside_may_allocate);
    return suite;
}

TEST_MAIN(make_suite)
