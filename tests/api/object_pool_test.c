/* SPDX-License-Identifier: MIT
 * object_pool_test.c: block pools with a type. What is below them is tested as block_pool_*_test.c. */
#include "block_fixture.h"
#include "runner.h"

#include <poolkit/object_pool.h>

typedef struct {
    int number;
    char *text;
} node;
PK_OBJECT_POOL(nodes, node)

typedef struct {
    _Alignas(64) char line[65];
} wide;
PK_OBJECT_POOL(wides, wide)

static nodes pool;

START_TEST(objects_come_and_go)
{
    node *n[100];
    ck_assert_int_eq(nodes_init(&pool, NULL), PK_OK);
    ck_assert_str_eq(block_figures(&pool.pool).name, "nodes");
    ck_assert_uint_ge(pk_block_pool_block_size(&pool.pool), sizeof(node));
    ck_assert_int_eq(nodes_reserve(&pool, 100), PK_OK);
    for (int i = 0; i < 100; i++) {
        n[i] = nodes_new(&pool);
        ck_assert_ptr_nonnull(n[i]);
        *n[i] = (node){.number = i};
    }
    int sum = 0;
    for (node *at = NULL; (at = nodes_next(&pool, at)) != NULL;) sum += at->number;
    ck_assert_int_eq(sum, 4950);
    for (int i = 0; i < 100; i += 2) nodes_delete(&pool, n[i]);
    nodes_delete(&pool, NULL);
    ck_assert_uint_eq(block_sound(&pool.pool).n_live, 50);
    ck_assert_uint_eq(nodes_trim(&pool, 0), 0);
    for (int i = 1; i < 100; i += 2) nodes_delete(&pool, n[i]);
    ck_assert_uint_gt(nodes_trim(&pool, 0), 0);
    ck_assert_ptr_null(nodes_next(&pool, NULL));
    (void)nodes_new(&pool);
    ck_assert_uint_eq(nodes_fini(&pool), 1);
    ck_assert_uint_eq(nodes_fini(&pool), 0);
    errno = 0;
    ck_assert_ptr_null(nodes_new(&pool));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(the_type_says_size_and_alignment)
{
    wides w;
    ck_assert_int_eq(wides_init(&w, NULL), PK_OK);
    for (int i = 0; i < 10; i++) ck_assert_uint_eq((uintptr_t)wides_new(&w) % 64, 0);
    ck_assert_uint_eq(wides_fini(&w), 10);
    pk_block_pool_opts more = {.block_size = 500, .align = 256, .name = "more", .max_blocks = 3};
    ck_assert_int_eq(wides_init(&w, &more), PK_OK);
    ck_assert_uint_ge(pk_block_pool_block_size(&w.pool), 500);
    ck_assert_str_eq(block_figures(&w.pool).name, "more");
    for (int i = 0; i < 3; i++) ck_assert_uint_eq((uintptr_t)wides_new(&w) % 256, 0);
    ck_assert_ptr_null(wides_new(&w));
    ck_assert_uint_eq(wides_fini(&w), 3);
}
END_TEST

START_TEST(references_are_stale_after_delete)
{
    ck_assert_int_eq(nodes_init(&pool, &(pk_block_pool_opts){.flags = PK_HANDLES}), PK_OK);
    node *a = nodes_new(&pool), *b = nodes_new(&pool);
    nodes_ref ra = nodes_ref_of(&pool, a), rb = nodes_ref_of(&pool, b), none = {{0, 0}};
    ck_assert(nodes_get(&pool, ra) == a && nodes_get(&pool, rb) == b);
    ck_assert_ptr_null(nodes_get(&pool, none));
    nodes_delete(&pool, a);
    ck_assert(nodes_get(&pool, ra) == NULL && nodes_get(&pool, rb) == b);
    ck_assert_uint_eq(nodes_ref_of(&pool, a).handle.generation, 0);
    node *again = nodes_new(&pool);
    ck_assert_ptr_eq(again, a);
    ck_assert_ptr_null(nodes_get(&pool, ra));
    ck_assert_uint_eq(nodes_fini(&pool), 2);
    ck_assert_ptr_null(nodes_get(&pool, rb));
}
END_TEST

static size_t made, fail_at;

static bool make(void *object, void *arg)
{
    node *n = object;
    (void)arg;
    if (made + 1 == fail_at) {
        errno = EAGAIN;
        return false;
    }
    n->text = malloc(10);
    made++;
    return n->text != NULL;
}

static void unmake(void *object, void *arg)
{
    (void)arg;
    free(((node *)object)->text);
    made--;
}

START_TEST(built_objects)
{
    made = 0;
    fail_at = 6;
    pk_block_pool_opts opts = {.construct = make, .destroy = unmake};
    ck_assert_int_eq(nodes_init(&pool, &opts), PK_OK);
    node *n[6];
    for (int i = 0; i < 5; i++) strcpy((n[i] = nodes_new(&pool))->text, "here");
    errno = 0;
    ck_assert_ptr_null(nodes_new(&pool));
    ck_assert_int_eq(errno, EAGAIN);
    nodes_delete(&pool, n[2]);
    n[2] = nodes_new(&pool);
    ck_assert_str_eq(n[2]->text, "here");
    fail_at = 0;
    ck_assert_ptr_nonnull(nodes_new(&pool));
    ck_assert_uint_eq(made, 6);
    ck_assert_uint_eq(nodes_fini(&pool), 6);
    ck_assert_uint_eq(made, 0);
}
END_TEST

START_TEST(refused)
{
    pk_block_pool_opts opts = {.size = sizeof opts + 8};
    ck_assert_int_eq(nodes_init(&pool, &opts), PK_EINVAL);
    opts = (pk_block_pool_opts){.flags = 64};
    ck_assert_int_eq(nodes_init(&pool, &opts), PK_EINVAL);
    opts = (pk_block_pool_opts){.align = 48};
    ck_assert_int_eq(nodes_init(&pool, &opts), PK_EINVAL);
    opts = (pk_block_pool_opts){.align = 3}; /* below the type's, and still none */
    ck_assert_int_eq(nodes_init(&pool, &opts), PK_EINVAL);
    opts = (pk_block_pool_opts){.construct = make, .flags = PK_ZERO};
    ck_assert_int_eq(nodes_init(&pool, &opts), PK_EINVAL);
    ck_assert_int_eq(pk_object_pool_init(NULL, NULL, 8, 8, "x"), PK_EINVAL);
    ck_assert_int_eq(pk_object_pool_init(&pool.pool, NULL, 0, 8, "x"), PK_EINVAL);
    ck_assert_int_eq(pk_object_pool_init(&pool.pool, NULL, 8, 24, "x"), PK_EINVAL);
    ck_assert_int_eq(pk_object_pool_init(&pool.pool, NULL, 8, 0, NULL), PK_OK);
    ck_assert_uint_eq(nodes_fini(&pool), 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("object_pool");
    ADD_CASE(suite, tcase_create("objects"), 5, objects_come_and_go,
             the_type_says_size_and_alignment, references_are_stale_after_delete, built_objects,
             refused);
    return suite;
}

TEST_MAIN(make_suite)
