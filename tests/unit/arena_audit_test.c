/* SPDX-License-Identifier: MIT
 * arena_audit_test.c: breaks each invariant A1 to A6 of arena_internal.h; the audit names it. */
#include "arena_fixture.h"
#include "pool/arena_internal.h"
#include "runner.h"

static pk_arena arena, child;

static void fn(void *arg) { (void)arg; }

/* A chain of several chunks, spare chunks, clean-ups and a child. */
static void setup(void)
{
    for (int i = 0; i < 200; i++) ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 500));
    pk_arena_reset(&arena);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(pk_arena_defer(&arena, fn, &arena), PK_OK);
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 4000));
    ck_assert_int_eq(pk_arena_init(&child, &(pk_arena_opts){.parent = &arena}), PK_OK);
    ck_assert_ptr_nonnull(arena.chunk->prev);
    ck_assert(arena.ext->spare && arena.ext->spare->prev);
}

static void broken(const char *number, size_t most)
{
    const char *text = "";
    size_t n = pki_arena_audit(&arena, &text);
    ck_assert_uint_ge(n, 1);
    ck_assert_uint_le(n, most);
    ck_assert_msg(strncmp(text, number, 2) == 0, "%s, not %s", text, number);
    ck_assert_uint_eq(pki_arena_audit(&arena, NULL), n);
}

static void whole(void)
{
    const char *text = "none";
    ck_assert_uint_eq(pki_arena_audit(&arena, &text), 0);
    ck_assert_str_eq(text, "none");
}

static void teardown(void)
{
    whole();
    pk_arena_fini(&arena);
}

START_TEST(an_unused_arena_is_whole)
{
    pk_arena none = {0};
    ck_assert_uint_eq(pki_arena_audit(&none, NULL), 0);
}
END_TEST

/* A1: ptr and end lie in the newest chunk, in order, multiples of 16 */
START_TEST(a1_cursor)
{
    pki_cursor *cursor = pki_arena_cursor(&arena);
    char *ptr = cursor->ptr, *end = cursor->end;
    char *const bad[] = {ptr + 8, arena.chunk->begin - 16, end + 16};
    for (int i = 0; i < 3; i++) {
        cursor->ptr = bad[i];
        broken("A1", 1);
    }
    cursor->ptr = ptr;
    cursor->end = end - 16;
    broken("A1", 1);
    cursor->end = end;
    pk_arena locked;
    ck_assert_int_eq(pk_arena_init(&locked, &(pk_arena_opts){.locked = true}), PK_OK);
    ck_assert_uint_eq(pki_arena_audit(&locked, NULL), 0);
    static char inline_room[16]; /* the inline path would allocate */
    locked.ptr = inline_room;
    locked.end = inline_room + sizeof inline_room;
    ck_assert_uint_eq(pki_arena_audit(&locked, NULL), 1);
    locked.ptr = locked.end = NULL;
    pk_arena_fini(&locked);
}
END_TEST

/* A2: the chain ends with the base chunk, which holds the ext */
START_TEST(a2_base)
{
    pk_arena_chunk *base = arena.ext->base;
    arena.ext->base = arena.ext->spare;
    broken("A2", 1);
    arena.ext->base = base;
    char *begin = base->begin;
    base->begin = (char *)base + PKI_CHUNK_HEAD; /* the ext among the blocks */
    broken("A2", 1);
    base->begin = begin;
}
END_TEST

/* A chunk of one block stands behind the base: it is no chain that ends elsewhere. */
START_TEST(own_chunk_behind_the_base)
{
    pk_arena one = {0};
    ck_assert_ptr_nonnull(pk_arena_alloc(&one, 100000));
    ck_assert_uint_eq(pki_arena_audit(&one, NULL), 0);
    ck_assert_ptr_eq(one.chunk, one.ext->base);
    one.chunk->prev->left_at -= 16; /* a chunk behind the base that still has room */
    ck_assert_uint_eq(pki_arena_audit(&one, NULL), 1);
    one.chunk->prev->left_at += 16;
    pk_arena_fini(&one);
}
END_TEST

/* A3: committed is the sum of the chain's and the spare chunks' sizes, and within the limit */
START_TEST(a3_sizes)
{
    arena.ext->committed += 4096;
    broken("A3", 1);
    arena.ext->committed -= 4096;
    arena.ext->n_chunks--;
    broken("A3", 1);
    arena.ext->n_chunks++;
    size_t limit = arena.ext->limit;
    arena.ext->limit = arena.ext->committed - 1;
    broken("A3", 1);
    arena.ext->limit = arena.ext->committed;
    whole();
    arena.ext->limit = limit;
    pk_arena_chunk *spare = arena.ext->spare; /* one lost */
    arena.ext->spare = spare->prev;
    broken("A3", 1);
    arena.ext->spare = spare;
}
END_TEST

/* A4: clean-ups, newest first, have falling moments, none above the clock */
START_TEST(a4_clean_ups)
{
    pk_defer_node *newest = arena.defers;
    uint64_t moment = newest->moment;
    newest->moment = arena.ext->clock + 1;
    broken("A4", 1);
    newest->moment = newest->next->moment - 1;
    broken("A4", 1);
    newest->moment = moment;
}
END_TEST

/* A5: spare chunks are sorted by size, largest first */
START_TEST(a5_spares)
{
    pk_arena_chunk *first = arena.ext->spare, *second = first->prev;
    first->prev = second->prev;
    second->prev = first;
    arena.ext->spare = second;
    broken("A5", 1);
    second->prev = first->prev;
    first->prev = second;
    arena.ext->spare = first;
}
END_TEST

/* A6: each child names this arena as its parent */
START_TEST(a6_children)
{
    child.ext->parent = &child;
    broken("A6", 1);
    child.ext->parent = NULL;
    broken("A6", 1);
    child.ext->parent = &arena;
}
END_TEST

START_TEST(two_at_once)
{
    arena.ext->n_chunks++;
    child.ext->parent = NULL;
    broken("A3", 2);
    ck_assert_uint_eq(pki_arena_audit(&arena, NULL), 2);
    child.ext->parent = &arena;
    arena.ext->n_chunks--;
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("arena_audit");
    TCase *tcase = tcase_create("audit");
    tcase_add_checked_fixture(tcase, setup, teardown);
    ADD_CASE(suite, tcase, 5, an_unused_arena_is_whole, a1_cursor, a2_base,
             own_chunk_behind_the_base, a3_sizes, a4_clean_ups, a5_spares, a6_children,
             two_at_once);
    return suite;
}

TEST_MAIN(make_suite)
