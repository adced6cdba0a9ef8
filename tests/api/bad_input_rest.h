/* SPDX-License-Identifier: MIT
 * bad_input_rest.h: the second half of bad_input_test.c: what becomes of blocks and pools. */
#ifndef TEST_BAD_INPUT_REST_H
#define TEST_BAD_INPUT_REST_H

/* ---- free ---- */

START_TEST(free_of_null)
{
    errno = 42;
    pk_block_pool_free(&blocks, NULL);
    pk_heap_free(NULL);
    pk_heap_free_sized(NULL, 8);
    pk_shared_pool_free(NULL);
    pk_put(pk_arena_as_alloc(&arena), NULL, 8, 8);
    ck_assert_int_eq(errno, 42);
}
END_TEST

START_TEST(free_twice)
{
    void *p = block_get(&blocks);
    pk_block_pool_free(&blocks, p);
    pk_block_pool_free(&blocks, p);
    told(PK_FAULT_DOUBLE_FREE, p);
    p = pk_heap_alloc(heap, 64);
    pk_heap_free(p);
    (void)pk_heap_trim(heap, 0); /* home from the stack */
    pk_heap_free(hidden(p));
    (void)pk_heap_trim(heap, 0);
    ck_assert_uint_eq(faults.count, 1); /* its slab may be gone: then it is no block */
    faults.count = 0;
    ck_assert_uint_eq(live_in_heap(), 0);
}
END_TEST

START_TEST(free_inside_a_block)
{
    char *p = block_get(&blocks), *q = pk_heap_alloc(heap, 100000), *s;
    pk_block_pool_free(&blocks, p + 16);
    told(PK_FAULT_NOT_A_BLOCK, p + 16);
    pk_block_pool_free(&blocks, p + 1);
    told(PK_FAULT_NOT_A_BLOCK, p + 1);
    pk_heap_free(hidden(q + 16));
    told(PK_FAULT_NOT_A_BLOCK, q + 16);
    s = pk_shared_pool_alloc(shared[0]);
    pk_shared_pool_free(s + 8);
    pk_shared_pool_flush(shared[0]);
    told(PK_FAULT_NOT_A_BLOCK, s + 8);
    ck_assert(pk_block_pool_owns(&blocks, p) && pk_heap_of(q) == heap);
}
END_TEST

START_TEST(free_of_another_pools_block)
{
    void *p = block_get(&others), *s = pk_shared_pool_alloc(other_shared);
    void *h = pk_heap_alloc(heap, 64);
    pk_block_pool_free(&blocks, p);
    told(PK_FAULT_OTHER_POOL, p);
    pk_block_pool_free(&blocks, s);
    told(PK_FAULT_OTHER_POOL, s);
    pk_shared_pool_free(h);
    told(PK_FAULT_OTHER_POOL, h);
    pk_heap_free(s);
    told(PK_FAULT_OTHER_POOL, s);
    ck_assert(pk_block_pool_owns(&others, p) && pk_heap_of(h) == heap);
    ck_assert_ptr_eq(pk_shared_pool_of(s), other_shared);
}
END_TEST

START_TEST(free_of_no_pools_memory)
{
    int local[16] = {1};
    int *libc = malloc(64);
    const void *foreign[] = {local, a_static, libc, (void *)(uintptr_t)16, (void *)UINTPTR_MAX};
    for (int i = 0; i < 5; i++) {
        void *p = hidden(foreign[i]);
        pk_block_pool_free(&blocks, p);
        told(PK_FAULT_OTHER_POOL, p);
        pk_heap_free(p);
        told(PK_FAULT_FOREIGN, p);
        pk_shared_pool_free(p);
        told(PK_FAULT_FOREIGN, p);
    }
    ck_assert(local[0] == 1 && a_static[0] == 0);
    free(libc);
}
END_TEST

START_TEST(free_after_the_end)
{
    void *p = block_get(&others);
    (void)pk_block_pool_fini(&others);
    pk_block_pool_free(&others, p);
    told(PK_FAULT_ENDED, p);
    pk_arena gone = {0};
    ck_assert_ptr_nonnull(pk_arena_alloc(&gone, 8));
    pk_arena_fini(&gone); /* an arena can be used anew */
    ck_assert_ptr_nonnull(pk_arena_alloc(&gone, 8));
    pk_arena_fini(&gone);
}
END_TEST

START_TEST(free_on_an_arena)
{
    pk_allocator view = pk_arena_as_alloc(&arena);
    char *a = pk_get(view, 64, 8), *b = pk_get(view, 64, 8);
    memset(a, 1, 64);
    pk_put(view, a, 64, 8); /* not the newest: nothing */
    pk_put(view, b, 64, 8);
    pk_put(view, a_static, 64, 8);
    char *c = pk_get(view, 64, 8);
    memset(c, 2, 64);
    ck_assert(c + 64 <= a || c >= a + 64);
}
END_TEST

START_TEST(free_with_a_wrong_size)
{
    pk_allocator view = pk_block_pool_as_alloc(&blocks);
    void *p = pk_get(view, 8, 8);
    pk_put(view, p, 65, 8);
    told(PK_FAULT_WRONG_SIZE, p);
    pk_put(view, p, 8, 128);
    told(PK_FAULT_WRONG_SIZE, p);
    ck_assert(pk_block_pool_owns(&blocks, p));
    void *h = pk_heap_alloc(heap, 64);
    pk_heap_free_sized(h, 64);
    ck_assert_uint_eq(live_in_heap(), 0);
}
END_TEST

/* ---- realloc and questions ---- */

START_TEST(realloc_of_null_and_to_0)
{
    void *p = pk_heap_realloc(heap, NULL, 100);
    ck_assert_ptr_nonnull(p);
    p = pk_heap_realloc(heap, p, 0);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(live_in_heap(), 1);
    pk_allocator view = pk_block_pool_as_alloc(&blocks);
    void *b = pk_remap(view, NULL, 0, 8, 8);
    ck_assert(b != NULL && pk_remap(view, b, 8, 0, 8) == b);
    ck_assert(!pk_resize(view, NULL, 0, 8, 8));
}
END_TEST

START_TEST(realloc_of_no_block)
{
    char *p = pk_heap_alloc(heap, 100000);
    ck_assert_ptr_null(pk_heap_realloc(heap, hidden(a_static), 10));
    told(PK_FAULT_FOREIGN, a_static);
    ck_assert_ptr_null(pk_heap_realloc(heap, hidden(p + 16), 10));
    told(PK_FAULT_NOT_A_BLOCK, p + 16);
    void *freed = pk_heap_alloc(heap, 64);
    pk_heap_free(freed);
    (void)pk_heap_trim(heap, 0);
    ck_assert_ptr_null(pk_heap_realloc(heap, hidden(freed), 100));
    ck_assert_uint_eq(faults.count, 1);
    faults.count = 0;
    volatile size_t huge = SIZE_MAX - 100;
    FAILS_WITH(ENOMEM, pk_heap_realloc(heap, hidden(p), huge));
    ck_assert_ptr_eq(pk_heap_of(p), heap);
    ck_assert_uint_eq(live_in_heap(), 1);
}
END_TEST

START_TEST(questions_about_no_block)
{
    const void *none[] = {NULL, a_static, (void *)(uintptr_t)16, (void *)UINTPTR_MAX};
    for (int i = 0; i < 4; i++) {
        EXPECT_AT(pk_heap_usable(none[i]) == 0 && pk_heap_of(none[i]) == NULL, i, 0);
        EXPECT_AT(pk_shared_pool_of(none[i]) == NULL, i, 0);
        EXPECT_AT(!pk_block_pool_owns(&blocks, none[i]) && !pk_arena_owns(&arena, none[i]), i, 0);
        EXPECT_AT(none[i] == NULL || pk_block_pool_next_live(&blocks, none[i]) == NULL, i, 0);
        EXPECT_AT(pk_block_pool_handle(&blocks, none[i]).generation == 0, i, 0);
    }
}
END_TEST

/* ---- reset, rewind, destroy ---- */

START_TEST(reset_with_blocks_in_use)
{
    pk_block_pool pool;
    block_open(&pool, (pk_block_pool_opts){.block_size = 64, .flags = PK_HANDLES});
    void *p = block_get(&pool);
    pk_handle handle = pk_block_pool_handle(&pool, p);
    pk_block_pool_reset(&pool);
    ck_assert_uint_eq(block_sound(&pool).n_live, 0);
    (void)block_get(&pool);
    ck_assert_ptr_null(pk_block_pool_at(&pool, handle));
    (void)pk_block_pool_fini(&pool);
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 64));
    pk_arena_reset(&arena);
    ck_assert_uint_eq(arena_figures(&arena).live, 0);
}
END_TEST

START_TEST(rewind_to_a_bad_mark)
{
    pk_arena another = {0};
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 8));
    ck_assert_ptr_nonnull(pk_arena_alloc(&another, 8));
    pk_mark early = pk_arena_mark(&arena), foreign = pk_arena_mark(&another);
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 100));
    pk_mark late = pk_arena_mark(&arena);
    ck_assert_int_eq(pk_arena_rewind(&arena, foreign), PK_EINVAL);
    ck_assert_int_eq(pk_arena_rewind(&arena, early), PK_OK);
    ck_assert_int_eq(pk_arena_rewind(&arena, early), PK_OK); /* again and again */
    ck_assert_int_eq(pk_arena_rewind(&arena, late), PK_EINVAL);
    uint64_t live = arena_figures(&arena).live;
    pk_arena_reset(&arena);
    ck_assert_int_eq(pk_arena_rewind(&arena, early), PK_EINVAL);
    ck_assert_uint_le(arena_figures(&arena).live, live);
    pk_arena_fini(&another);
}
END_TEST

START_TEST(destroy_with_blocks_in_use)
{
    (void)block_get(&others);
    ck_assert_int_eq(pk_block_pool_fini_if_empty(&others), PK_EBUSY);
    ck_assert_uint_eq(block_figures(&others).n_live, 1);
    ck_assert_uint_eq(pk_block_pool_fini(&others), 1);
    ck_assert_ptr_nonnull(pk_shared_pool_alloc(shared[1]));
    ck_assert_int_eq(pk_shared_pool_destroy_if_empty(shared[1]), PK_EBUSY);
    ck_assert_uint_eq(pk_shared_pool_destroy(shared[1]), 1);
    pk_block_pool_opts opts = {.block_size = 64};
    ck_assert_int_eq(pk_shared_pool_create(&shared[1], &opts, PK_LOCKED), PK_OK);
}
END_TEST

START_TEST(destroy_of_null_and_twice)
{
    pk_arena none = {0};
    ck_assert_uint_eq(pk_block_pool_fini(NULL), 0);
    ck_assert_uint_eq(pk_block_pool_fini(&others), 0);
    ck_assert_uint_eq(pk_block_pool_fini(&others), 0);
    ck_assert_int_eq(pk_block_pool_fini_if_empty(&others), PK_OK);
    ck_assert_uint_eq(pk_shared_pool_destroy(NULL), 0);
    pk_heap_destroy(NULL);
    pk_arena_fini(&none);
    pk_arena_fini(&none);
}
END_TEST

/* ---- objects ---- */

static bool construct_never(void *block, void *arg)
{
    (void)block, (void)arg;
    errno = 4711;
    return false;
}

START_TEST(construct_that_fails)
{
    pk_block_pool pool;
    block_open(&pool, (pk_block_pool_opts){.block_size = 64, .construct = construct_never});
    FAILS_WITH(4711, pk_block_pool_alloc(&pool));
    ck_assert_uint_eq(block_sound(&pool).n_live, 0);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

static bool construct_always(void *block, void *arg) { return block != arg; }
static void destroy_and_free(void *block, void *arg) { pk_block_pool_free(arg, block); }

START_TEST(destroy_that_frees_its_object)
{
    pk_block_pool pool;
    block_open(&pool, (pk_block_pool_opts){.block_size = 64,
                                           .construct = construct_always,
                                           .destroy = destroy_and_free,
                                           .object_arg = &pool});
    void *p = block_get(&pool);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);
    told(PK_FAULT_BUSY, p);
}
END_TEST

/* ---- threads and processes ---- */

static void *leave_blocks(void *arg)
{
    void **out = arg;
    for (int i = 0; i < 2; i++) memset(out[i] = pk_shared_pool_alloc(shared[i]), 7, 64);
    memset(out[2] = pk_heap_alloc(heap, 64), 7, 64);
    return NULL;
}

START_TEST(thread_exit_with_live_blocks)
{
    pthread_t thread;
    char *left[3];
    ck_assert_int_eq(pthread_create(&thread, NULL, leave_blocks, left), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    for (int i = 0; i < 3; i++) ck_assert(left[i][0] == 7 && left[i][63] == 7);
    ck_assert_ptr_eq(pk_shared_pool_of(left[0]), shared[0]);
    ck_assert_uint_eq(live_in_heap(), 1);
    for (int i = 0; i < 2; i++) pk_shared_pool_free(left[i]);
    pk_heap_free(left[2]);
    ck_assert_uint_eq(live_in_heap(), 0);
}
END_TEST

static void use_all(void)
{
    void *p = block_get(&blocks), *s = pk_shared_pool_alloc(shared[0]);
    void *h = pk_heap_alloc(heap, 64), *a = pk_arena_alloc(&arena, 64);
    EXPECT(p != NULL && s != NULL && h != NULL && a != NULL);
    pk_block_pool_free(&blocks, p);
    pk_shared_pool_free(s);
    pk_heap_free(h);
    pk_arena_reset(&arena);
    EXPECT(pk_block_pool_audit(&blocks, NULL, 0) == 0 && pk_heap_audit(heap, NULL, 0) == 0);
}

START_TEST(fork_in_any_state)
{
    for (int i = 0; i < 3; i++) (void)block_get(&blocks);
    ck_assert_ptr_nonnull(pk_shared_pool_alloc(shared[0]));
    ck_assert(survives(use_all));
    use_all();
}
END_TEST

/* ---- the rest ---- */

START_TEST(null_for_results)
{
    pk_heap_stats(heap, NULL);
    pk_block_pool_stats(&blocks, NULL);
    pk_block_pool_stats(NULL, NULL);
    pk_shared_pool_stats(shared[0], NULL);
    ck_assert_uint_eq(pk_block_pool_audit(&blocks, NULL, 0), 0);
    ck_assert_uint_eq(pk_heap_audit(heap, NULL, 0), 0);
    ck_assert_ptr_nonnull(pk_heap_alloc_atleast(heap, 8, NULL));
}
END_TEST

START_TEST(options_in_the_environment)
{
    if (TEST_EMULATED) return; /* it cannot start itself */
    char self[512], command[700], line[300];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(n, 0);
    self[n] = '\0';
    snprintf(command, sizeof command, "POOLKIT_OPTIONS=bogus=1,purge=x '%s' nothing 2>&1", self);
    FILE *out = popen(command, "r");
    ck_assert_ptr_nonnull(out);
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_nonnull(fgets(line, sizeof line, out));
        ck_assert_ptr_nonnull(strstr(line, i == 0 ? "'bogus=1' is not" : "'purge=x' is not"));
    }
    ck_assert_ptr_null(fgets(line, sizeof line, out));
    ck_assert_int_eq(pclose(out), 0);
}
END_TEST

#endif /* TEST_BAD_INPUT_REST_H */
