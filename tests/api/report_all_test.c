/* SPDX-License-Identifier: MIT
 * report_all_test.c: the tree of all pools: who is in it, where, when they go, and writers that use pools or
 * give up. */
#include "expect.h"
#include "runner.h"

#include <poolkit/poolkit.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 16];
static size_t used, calls, fail_at;

static bool keep(void *arg, const char *s, size_t n)
{
    EXPECT(arg == text && n < sizeof text - used);
    if (++calls == fail_at) return false;
    memcpy(text + used, s, n);
    used += n;
    text[used] = '\0';
    return true;
}

static const char *report(bool (*fn)(pk_write_fn *write, void *arg))
{
    used = calls = fail_at = 0;
    text[0] = '\0';
    EXPECT(fn(keep, text));
    return text;
}

static size_t lines_with(const char *what)
{
    size_t n = 0;
    for (const char *at = report(pk_report_all); (at = strstr(at, what)) != NULL; at++) n++;
    return n;
}

START_TEST(only_named_pools_are_in_it)
{
    pk_arena named, nameless, buffered;
    pk_block_pool pool, nameless_pool;
    static char buffer[4096];
    ck_assert_int_eq(pk_arena_init(&named, &(pk_arena_opts){.name = "requests"}), PK_OK);
    ck_assert_int_eq(pk_arena_init(&nameless, &(pk_arena_opts){.first = 8192}), PK_OK);
    ck_assert_int_eq(pk_arena_init(&buffered, &(pk_arena_opts){.name = "buffered",
                                                               .buffer = buffer,
                                                               .buffer_size = sizeof buffer}),
                     PK_OK);
    pk_block_pool_opts opts = {.block_size = 64, .name = "nodes"};
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_OK);
    opts.name = NULL;
    ck_assert_int_eq(pk_block_pool_init(&nameless_pool, &opts), PK_OK);
    ck_assert_uint_eq(lines_with("arena '"), 1);
    ck_assert_uint_eq(lines_with("arena 'requests': 0 B live of 4.0 KiB, 1 chunk\n"), 1);
    ck_assert_uint_eq(lines_with("block pool '"), 1);
    ck_assert_uint_eq(lines_with("block pool 'nodes': 0 B live of 4.0 KiB, 0 blocks, 0 chunks\n"),
                      1);
    pk_arena_fini(&named);
    pk_arena_fini(&nameless);
    pk_arena_fini(&buffered);
    pk_block_pool_fini(&pool);
    pk_block_pool_fini(&nameless_pool);
    ck_assert_uint_eq(lines_with("arena '"), 0);
    ck_assert_uint_eq(lines_with("block pool '"), 0);
}
END_TEST

START_TEST(heaps_and_shared_pools_are_in_it)
{
    pk_heap *heap;
    pk_shared_pool *pool;
    ck_assert_int_eq(pk_heap_create(&heap, &(pk_heap_opts){.name = "mine"}), PK_OK);
    ck_assert_int_eq(
        pk_shared_pool_create(&pool, &(pk_block_pool_opts){.block_size = 100, .name = "messages"},
                              PK_LOCKED),
        PK_OK);
    void *block = pk_shared_pool_alloc(pool);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(lines_with("heap 'mine': 0 B live of 0 B, 0 blocks, 0 chunks\n"), 1);
    ck_assert_uint_eq(lines_with("shared pool 'messages': "), 1);
    ck_assert_uint_eq(lines_with(", 1 block, 1 chunk\n"), 1);
    pk_shared_pool_free(block);
    pk_shared_pool_destroy(pool);
    pk_heap_destroy(heap);
    ck_assert_uint_eq(lines_with("'mine'"), 0);
    ck_assert_uint_eq(lines_with("shared pool"), 0);
}
END_TEST

START_TEST(children_stand_under_their_parents)
{
    pk_arena parent, child, grandchild, other;
    pk_arena_init(&parent, &(pk_arena_opts){.name = "parent"});
    pk_arena_init(&other, &(pk_arena_opts){.name = "other"});
    pk_arena_init(&child, &(pk_arena_opts){.name = "child", .parent = &parent});
    pk_arena_init(&grandchild, &(pk_arena_opts){.name = "grandchild", .parent = &child});
    const char *tree = strstr(report(pk_report_all), "arena 'parent'");
    ck_assert_str_eq(tree, "arena 'parent': 0 B live of 4.0 KiB, 1 chunk\n"
                           "  arena 'child': 0 B live of 4.0 KiB, 1 chunk\n"
                           "    arena 'grandchild': 0 B live of 4.0 KiB, 1 chunk\n"
                           "arena 'other': 0 B live of 4.0 KiB, 1 chunk\n");
    ck_assert_ptr_nonnull(
        strstr(report(pk_report_all_json),
               "{\"kind\":\"arena\",\"depth\":2,\"stats\":{\"name\":\"grandchild\""));
    ck_assert_int_eq(text[0], '[');
    ck_assert_int_eq(text[used - 1], ']');
    pk_arena_fini(&parent); /* and the children */
    ck_assert_uint_eq(lines_with("arena '"), 1);
    pk_arena_fini(&other);
}
END_TEST

/* More than the first copy has room for, with names that are cut. */
START_TEST(many_pools)
{
    enum { MANY = 100 };
    static pk_arena arenas[MANY];
    for (int i = 0; i < MANY; i++) {
        pk_arena_init(&arenas[i], &(pk_arena_opts){.name = "a name of more than thirty-one bytes"});
    }
    ck_assert_uint_eq(lines_with("arena 'a name of more than thirty-one ': "), MANY);
    for (int i = 0; i < MANY; i += 2) pk_arena_fini(&arenas[i]);
    ck_assert_uint_eq(lines_with("arena '"), MANY / 2);
    for (int i = 1; i < MANY; i += 2) pk_arena_fini(&arenas[i]);
    ck_assert_uint_eq(lines_with("arena '"), 0);
}
END_TEST

static bool make_and_keep(void *arg, const char *s, size_t n)
{
    pk_arena arena;
    pk_arena_init(&arena, &(pk_arena_opts){.name = "made while writing"});
    char *copy = pk_arena_memdup(&arena, s, n);
    bool kept = copy != NULL && keep(arg, copy, n);
    pk_arena_fini(&arena);
    return kept;
}

START_TEST(a_writer_may_use_pools_and_give_up)
{
    pk_heap_process();
    pk_arena one;
    pk_arena_init(&one, &(pk_arena_opts){.name = "one"});
    used = calls = fail_at = 0;
    ck_assert(pk_report_all(make_and_keep, text));
    size_t all = calls;
    ck_assert_uint_ge(all, 1);
    for (fail_at = 1; fail_at <= all; fail_at++) {
        used = calls = 0;
        ck_assert(!pk_report_all(keep, text));
        ck_assert_uint_eq(calls, fail_at);
    }
    used = calls = 0;
    fail_at = 1;
    ck_assert(!pk_report_all_json(keep, text));
    pk_arena_fini(&one);
}
END_TEST

START_TEST(the_list_survives_a_fork)
{
    pk_arena one;
    pk_arena_init(&one, &(pk_arena_opts){.name = "one"});
    pid_t child = fork();
    if (child == 0) {
        pk_arena two;
        pk_arena_init(&two, &(pk_arena_opts){.name = "two"});
        _exit(lines_with("arena '") == 2 ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(lines_with("arena '"), 1);
    pk_arena_fini(&one);
}
END_TEST

/* Pools of one kind and name are one line; tests/observe/stats.sh checks the whole format. */
START_TEST(metrics_are_sums)
{
    pk_arena one, two, other;
    pk_arena_init(&one, &(pk_arena_opts){.name = "same"});
    pk_arena_init(&two, &(pk_arena_opts){.name = "same", .limit = 1 << 20});
    pk_arena_init(&other, &(pk_arena_opts){.name = "a\"b\\c\nd\xC3"});
    ck_assert_ptr_nonnull(pk_arena_alloc(&one, 100));
    ck_assert_ptr_nonnull(pk_arena_alloc(&two, 200));
    pk_stats a, b;
    pk_arena_stats(&one, &a);
    pk_arena_stats(&two, &b);
    char line[200];
    snprintf(line, sizeof line, "\npoolkit_live_bytes{kind=\"arena\",name=\"same\"} %llu\n",
             (unsigned long long)(a.live + b.live));
    ck_assert_ptr_nonnull(strstr(report(pk_report_all_prometheus), line));
    ck_assert_ptr_nonnull(strstr(text, "poolkit_pools{kind=\"arena\",name=\"same\"} 2\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "poolkit_pools{kind=\"arena\",name=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\"} 1\n"));
    used = calls = 0;
    fail_at = 1;
    ck_assert(!pk_report_all_prometheus(keep, text));
    ck_assert_uint_eq(calls, 1);
    pk_arena_fini(&one);
    pk_arena_fini(&two);
    pk_arena_fini(&other);
}
END_TEST

static Suite *report_all(void)
{
    Suite *suite = suite_create("report_all");
    ADD_CASE(suite, tcase_create("tree"), 10, only_named_pools_are_in_it,
             heaps_and_shared_pools_are_in_it, children_stand_under_their_parents, many_pools,
             a_writer_may_use_pools_and_give_up, the_list_survives_a_fork, metrics_are_sums);
    return suite;
}

TEST_MAIN(report_all)
