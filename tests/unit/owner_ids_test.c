/* SPDX-License-Identifier: MIT
 * owner_ids_test.c: all 65,535 ids of owners are taken. A heap then has no record for a thread and none for
 * late calls: ENOMEM, not a crash; one whose thread has a record goes on; ids that are given back are
 * used again. */
#include "expect.h"
#include "runner.h"
#include "slab/owner.h"
#include "threads.h"

#include <errno.h>
#include <poolkit/heap.h>

static const pki_class one_class[] = {PKI_CLASS(64)};
static const pki_geometry geometry = {.classes = one_class, .n = 1};
static pki_space crowd;

static size_t take_all_ids(void)
{
    size_t n = 0;
    pki_space_init(&crowd, &geometry, "crowd", SIZE_MAX);
    while (pki_owner_adopt(&crowd) != NULL) n++;
    return n;
}

static void *use_without_record(void *arg)
{
    pk_heap *heap = arg;
    errno = 0;
    EXPECT(pk_heap_alloc(heap, 100) == NULL && errno == ENOMEM);
    void *run = pk_heap_alloc(heap, 100 * KIB); /* needs no record */
    EXPECT(run != NULL);
    pk_heap_free(run);
    return NULL;
}

static void *free_of_another(void *block)
{
    errno = 4711;
    pk_heap_free(block);
    EXPECT(errno == 4711);
    return NULL;
}

static void in_thread(void *(*fn)(void *arg), void *arg)
{
    pthread_t thread;
    thread_start(&thread, fn, arg);
    thread_join(thread);
}

START_TEST(no_id_is_left)
{
    pk_heap *old, *fresh;
    EXPECT(pk_heap_create(&old, NULL) == PK_OK);
    void *block = pk_heap_alloc(old, 100);
    EXPECT(block != NULL);
    size_t n = take_all_ids();
    EXPECT_AT(n > 65000 && n < 65536, n, 0);

    EXPECT(pk_heap_create(&fresh, NULL) == PK_OK);
    in_thread(use_without_record, fresh);
    in_thread(use_without_record, old);
    in_thread(free_of_another, block);
    block = pk_heap_alloc(old, 100); /* this thread has a record there */
    EXPECT(block != NULL);
    EXPECT(pk_heap_audit(old, NULL, 0) == 0 && pk_heap_audit(fresh, NULL, 0) == 0);

    pki_owners_fini(&crowd);
    void *again = pk_heap_alloc(fresh, 100);
    EXPECT(again != NULL);
    pk_heap_free(again);
    pk_heap_free(block);
    pk_heap_destroy(old);
    pk_heap_destroy(fresh);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("owner_ids");
    ADD_CASE(suite, tcase_create("ids"), 30, no_id_is_left);
    return suite;
}

TEST_MAIN(make_suite)
