/* SPDX-License-Identifier: MIT
 * block_pool_audit_test.c: breaks each invariant B1 to B5 of block_pool_internal.h, and those of its
 * slabs; the audit names it. */
#include "block_fixture.h"
#include "pool/block_pool_internal.h"
#include "runner.h"

static pk_block_pool pool;
static void *block[200];
static pki_block_chunk *first, *last;

/* Several chunks: full ones, and one with free and with fresh blocks. */
static void open_pool(unsigned flags)
{
    block_open(&pool, (pk_block_pool_opts){.block_size = 64, .per_chunk = 20, .flags = flags});
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, block, 195, 195), 195);
    pk_block_pool_free(&pool, block[190]);
    pki_block_flush(&pool);
    first = pool.ext->first;
    last = pool.ext->last;
    ck_assert(first != last && first->next != last);
    ck_assert(!pki_slab_has_room(&first->slab) && pki_slab_has_room(&last->slab));
}

static void setup(void) { open_pool(PK_CHECKED); }

static void broken(const char *number, size_t most)
{
    char text[200] = "";
    size_t n = pk_block_pool_audit(&pool, text, sizeof text);
    ck_assert_msg(n >= 1 && n <= most, "%zu broken, first: %s", n, text);
    ck_assert_msg(strncmp(text, number, 2) == 0, "%s, not %s", text, number);
    ck_assert_uint_eq(pk_block_pool_audit(&pool, NULL, 0), n);
}

static void whole(void)
{
    char text[200] = "none";
    ck_assert_uint_eq(pk_block_pool_audit(&pool, text, sizeof text), 0);
    ck_assert_str_eq(text, "none");
}

static void teardown(void)
{
    whole();
    (void)pk_block_pool_fini(&pool);
}

/* B1: each chunk is found by its address and by its number, and lies where its size says */
START_TEST(b1_places)
{
    pki_directory *d = &pool.ext->directory;
    last->number = first->number;
    broken("B1", 1);
    last->number = pool.ext->directory.n - 1;
    whole();
    pki_block_chunk *kept = d->chunk[first->number];
    d->chunk[first->number] = NULL;
    pki_directory saved = *d;
    uint32_t empty[64] = {0}; /* no chunk is found by its address */
    d->chunk[first->number] = kept;
    d->slot = empty;
    broken("B1", pool.ext->n_chunks);
    *d = saved;
    d->chunk[first->number] = kept;
    whole();
    first->size /= 2;
    broken("B1", 2); /* the sizes do not add up either: B2 */
    first->size *= 2;
}
END_TEST

/* B2: used, capacity and committed are the sums over the chunks and the pool's records */
START_TEST(b2_sums)
{
    size_t *const sum[] = {&pool.ext->used, &pool.ext->capacity, &pool.ext->committed,
                           &pool.ext->n_chunks};
    for (int i = 0; i < 4; i++) {
        ++*sum[i];
        broken("B2", 1);
        *sum[i] -= 2;
        broken("B2", 1);
        ++*sum[i];
        whole();
    }
    pool.ext->record_size += 4096;
    broken("B2", 1);
    pool.ext->record_size -= 4096;
    size_t limit = pool.ext->opts.limit;
    pool.ext->opts.limit = pool.ext->committed - 1;
    broken("B2", 1);
    pool.ext->opts.limit = pool.ext->committed;
    whole();
    pool.ext->opts.limit = limit;
}
END_TEST

/* B4: a slab is on the list of those with room exactly if it has room */
START_TEST(b4_list)
{
    last->slab.listed = false;
    broken("B4", 1);
    last->slab.listed = true;
    pki_slab *with_room = pool.ext->with_room;
    pool.ext->with_room = NULL;
    broken("B4", 1);
    pool.ext->with_room = with_room;
    whole();
    pki_slab_list_add(&pool.ext->with_room, &first->slab); /* a full one */
    broken("B4", 1);
    pki_slab_list_remove(&pool.ext->with_room, &first->slab);
}
END_TEST

/* B5: the stack is closed, or base[-1] == NULL and base <= top <= end */
START_TEST(b5_a_stack_that_is_to_be_closed)
{
    void *slots[3] = {NULL, block[0], NULL};
    pk_block_pool kept = pool;
    pool.end = slots + 2;
    broken("B5", 1);
    pool = kept;
    pool.top = pool.end = slots + 2; /* an inline alloc would find a block */
    broken("B5", 1);
    pool = kept;
}
END_TEST

/* S2, S3, S4: of each slab */
START_TEST(slabs_are_looked_at)
{
    last->slab.bits[0] ^= 1; /* S2 */
    broken("S2", 1);
    last->slab.bits[0] ^= 1;
    uint64_t beyond = UINT64_C(1) << last->slab.fresh;
    ck_assert_uint_lt(last->slab.fresh, 64);
    last->slab.bits[0] |= beyond; /* S3 */
    broken("S2", 3);
    last->slab.bits[0] ^= beyond;
    last->slab.hint = 1; /* S4 */
    broken("S4", 1);
    last->slab.hint = 0;
}
END_TEST

/* ---- an open stack; the audit empties it: each test breaks it anew ---- */

static void setup_open(void) { open_pool(0); }

static void push(void *p)
{
    ck_assert(pool.top < pool.end);
    *pool.top++ = p;
}

/* What the audit says once; afterwards the stack is empty. */
static void broken_once(const char *number, size_t most)
{
    char text[200] = "";
    size_t n = pk_block_pool_audit(&pool, text, sizeof text);
    ck_assert_msg(n >= 1 && n <= most, "%zu broken, first: %s", n, text);
    ck_assert_msg(strncmp(text, number, 2) == 0, "%s, not %s", text, number);
}

/* B3: each block on the stack is one of the pool's, in use in its slab, and on the stack once */
START_TEST(b3_stack)
{
    if (pools_are_watched()) return; /* no stack: run with checkers=off */
    int local;
    void *const bad[] = {&local, (char *)block[3] + 16, block[190], first, (char *)block[3] + 1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        push(block[i]);
        push(bad[i]);
        broken_once("B3", 1);
        whole();
    }
    push(block[20]);
    push(block[21]);
    push(block[20]);
    broken_once("B3", 1);
}
END_TEST

/* B5, of an open stack */
START_TEST(b5_ends_of_the_stack)
{
    if (pools_are_watched()) return;
    pk_block_pool kept = pool;
    pool.end--;
    broken_once("B5", 1);
    pool = kept;
    pool.end++;
    broken_once("B5", 1);
    pool = kept;
    pool.top--;
    broken_once("B5", 1);
    pool = kept;
    pool.ext->base[-1] = block[0];
    broken_once("B5", 1);
    pool.ext->base[-1] = NULL;
}
END_TEST

START_TEST(two_at_once)
{
    pool.ext->n_chunks++;
    last->slab.listed = false;
    char text[200];
    ck_assert_uint_eq(pk_block_pool_audit(&pool, text, sizeof text), 2);
    ck_assert(strncmp(text, "B4", 2) == 0);
    last->slab.listed = true;
    pool.ext->n_chunks--;
}
END_TEST

START_TEST(no_pool_is_whole)
{
    pk_block_pool none = {0};
    ck_assert_uint_eq(pk_block_pool_audit(&none, NULL, 0), 0);
    ck_assert_uint_eq(pk_block_pool_audit(NULL, NULL, 0), 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block_pool_audit");
    TCase *checked = tcase_create("checked"), *stack = tcase_create("with a stack");
    tcase_add_checked_fixture(checked, setup, teardown);
    tcase_add_checked_fixture(stack, setup_open, teardown);
    ADD_CASE(suite, checked, 5, b1_places, b2_sums, b4_list, b5_a_stack_that_is_to_be_closed,
             slabs_are_looked_at, two_at_once, no_pool_is_whole);
    ADD_CASE(suite, stack, 5, b3_stack, b5_ends_of_the_stack);
    return suite;
}

TEST_MAIN(make_suite)
