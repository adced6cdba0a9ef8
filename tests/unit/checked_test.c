/* SPDX-License-Identifier: MIT
 * checked_test.c: the parts of a checked heap: records, the quarantine, the random choice of a block, pages
 * that are shut; and its invariants, each broken on purpose. */
#include "build.h"
#include "expect.h"
#include "runner.h"

#include <poolkit/heap.h>
#include <signal.h>
#include <string.h>

#include "heap/heap_internal.h"
#include "os/pages.h"

/* ---- records ---- */

static char memory[4096] __attribute__((aligned(64)));

static pki_block block_of(bool debug) { return pki_block_at(memory + 64, 200, debug); }

/* Any change of any bit of a word is seen, but that of all to 0. */
START_TEST(a_word_tells_its_state_and_size)
{
    pki_block_key_init();
    pki_block b = block_of(_i);
    size_t n;
    pki_block_clear(&b);
    ck_assert_int_eq(pki_block_look(&b, &n), PKI_BLOCK_FREED);
    for (size_t size = 1; size <= 200; size++) {
        pki_block_dress(&b, size, NULL);
        ck_assert(pki_block_look(&b, &n) == PKI_BLOCK_LIVE && n == size);
        ck_assert(pki_block_is_whole(&b, size) && pki_block_record_holds(&b));
        for (size_t bit = 0; bit < 64; bit++) {
            b.p[b.room + bit / 8] ^= (char)(1 << bit % 8);
            EXPECT_AT(pki_block_look(&b, &n) == PKI_BLOCK_DAMAGED, size, bit);
            EXPECT(!pki_block_record_holds(&b));
            b.p[b.room + bit / 8] ^= (char)(1 << bit % 8);
        }
        ck_assert(pki_block_claim(&b, size, memory));
        ck_assert(!pki_block_claim(&b, size, NULL));
        ck_assert(pki_block_look(&b, &n) == PKI_BLOCK_FREED && n == size);
    }
    if (b.debug) ck_assert_ptr_eq(pki_block_record_of(&b)->freed_at, memory);
    memset(pki_block_record_of(&b), 0, sizeof(uint64_t));
    ck_assert_int_eq(pki_block_look(&b, &n), PKI_BLOCK_BLANK);
}
END_TEST

/* In hardened mode the first 64 bytes, in debug mode all, and what is behind the record. */
START_TEST(a_canary_has_no_zero_and_shows_each_change)
{
    pki_block_key_init();
    pki_block b = block_of(_i);
    pki_block_clear(&b);
    for (size_t size = 1; size <= 200; size++) {
        pki_block_dress(&b, size, NULL);
        for (size_t i = size; i < 200 && (b.debug || i < size + PKI_CANARY_MAX); i++) {
            char was = b.p[i];
            b.p[i] = 0;
            EXPECT_AT(!pki_block_is_whole(&b, size), size, i);
            b.p[i] = was;
        }
        EXPECT_AT(pki_block_is_whole(&b, size), size, 0);
    }
    b.p[b.room + sizeof(pki_block_record) - 1] ^= 1;
    ck_assert_int_eq(pki_block_is_whole(&b, 200), !b.debug);
    ck_assert_int_eq(pki_block_record_holds(&b), !b.debug);
}
END_TEST

/* ---- the quarantine ---- */

START_TEST(a_quarantine_keeps_to_its_bound_and_loses_nothing)
{
    static pki_quarantine q;
    static bool inside[20000];
    size_t waiting = 0;
    memset(&q, 0, sizeof q);
    for (size_t i = 1; i < 20000; i++) {
        pki_quarantined out, in = {memory, i, (uint32_t)(i % 100 + 1), false};
        pki_quarantine_enter(&q, &in, i * 2654435761u >> 7);
        inside[i] = true;
        waiting++;
        while (pki_quarantine_leave(&q, 10000, &out)) {
            EXPECT_AT(inside[out.usable] && out.weight == out.usable % 100 + 1, i, out.usable);
            inside[out.usable] = false;
            waiting--;
        }
        EXPECT_AT(q.n_all == waiting && q.weight <= 10000, i, waiting);
    }
    ck_assert_uint_gt(waiting, 100);
    pki_quarantined out;
    for (; pki_quarantine_leave(&q, 0, &out); waiting--) inside[out.usable] = false;
    ck_assert(waiting == 0 && q.weight == 0 && q.usable == 0 && q.n_all == 0);
    for (size_t i = 1; i < 20000; i++) EXPECT_AT(!inside[i], i, 0);
}
END_TEST

/* ---- a random block of a slab ---- */

START_TEST(a_random_block_is_any_free_one)
{
    enum { N = 150 };
    static char blocks[N * 16] __attribute__((aligned(16)));
    static pki_bits bits[3];
    pki_slab slab;
    void *taken[N];
    bool seen[N] = {false};
    memset(&slab, 0, sizeof slab);
    pki_slab_init(&slab, blocks, bits, 16, N);
    for (size_t i = 0; i < N; i++) {
        taken[i] = pki_slab_take_random(&slab, i);
        ck_assert_ptr_eq(taken[i], blocks + i * 16); /* fresh ones one after the other */
    }
    ck_assert(!pki_slab_has_room(&slab));
    for (size_t i = 0; i < N; i++)
        ck_assert_int_eq(pki_slab_put(&slab, taken[i], PKI_WAS_IDLE), PKI_PUT_DONE);
    size_t in_order = 0;
    for (uint64_t i = 0, random = 88172645463325252u; i < N; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t number = (size_t)((char *)pki_slab_take_random(&slab, random) - blocks) / 16;
        ck_assert(number < N && !seen[number]);
        seen[number] = true;
        in_order += number == i;
    }
    ck_assert_uint_lt(in_order, N / 4);
    ck_assert_uint_eq(slab.used, N);
}
END_TEST

/* ---- pages ---- */

START_TEST(shut_pages_open_again_and_are_zero)
{
    size_t page = pki_os_page_size();
    char *p = pki_os_map(3 * page, page);
    ck_assert_ptr_nonnull(p);
    memset(p, 1, 3 * page);
    ck_assert(pki_os_shut(p + page, page));
    ck_assert(p[page - 1] == 1 && p[2 * page] == 1);
    ck_assert(pki_os_open(p + page, page));
    if (!TEST_EMULATED) ck_assert(p[page] == 0 && p[2 * page - 1] == 0); /* qemu keeps pages */
    ck_assert(pki_os_release(p, 3 * page));
}
END_TEST

START_TEST(shut_pages_may_not_be_touched)
{
    size_t page = pki_os_page_size();
    char *volatile p = pki_os_map(page, page);
    ck_assert(pki_os_shut(p, page));
    p[0] = 1;
}
END_TEST

/* ---- samples ---- */

/* In debug mode a block now and then has pages of its own. Reading it after free is a fault. */
START_TEST(a_sampled_block_may_not_be_read_after_free)
{
    pk_heap *one;
    ck_assert_int_eq(pk_heap_create(&one, &(pk_heap_opts){.mode = PK_HEAP_DEBUG}), PK_OK);
    char *volatile sampled = NULL;
    size_t samples = 0;
    for (size_t i = 0; i < 10240; i++) {
        char *p = pk_heap_alloc(one, 40);
        memset(p, 1, 40);
        if (pki_place_of(p).kind == PKI_PLACE_RUN) {
            sampled = p;
            samples++;
        }
    }
    ck_assert_uint_eq(samples, 10);
    ck_assert_uint_eq(pk_heap_usable(sampled), 40);
    ck_assert_int_eq(sampled[39], 1);
    pk_heap_free(sampled);
    ck_assert_int_ne(*(volatile char *)sampled, 1);
}
END_TEST

/* ---- invariants ---- */

static pk_heap *heap;

static void setup(void)
{
    ck_assert_int_eq(pk_heap_create(&heap, &(pk_heap_opts){.mode = PK_HEAP_HARDENED}), PK_OK);
}

static void found(const char *number)
{
    char text[256] = "";
    ck_assert_uint_eq(pk_heap_audit(heap, text, sizeof text), number == NULL ? 0 : 1);
    ck_assert_msg(number == NULL || strncmp(text, number, strlen(number)) == 0, "%s", text);
}

static pki_quarantine *quarantine(void)
{
    for (unsigned i = 0; i < PKI_LANES; i++) {
        if (heap->checked.lane[i] != NULL) return &heap->checked.lane[i]->quarantine;
    }
    return NULL;
}

START_TEST(audit_finds_an_overrun) /* K1 */
{
    void *volatile p = pk_heap_alloc(heap, 100);
    volatile char *end = (char *)p + 100;
    found(NULL);
    *end ^= 1;
    found("K1");
    *end ^= 1;
    found(NULL);
}
END_TEST

START_TEST(audit_finds_a_block_in_use_in_quarantine) /* K2 */
{
    char *p = pk_heap_alloc(heap, 100);
    pk_heap_free(p);
    found(NULL);
    pki_place place = pki_place_of(p);
    pki_block b = pki_checked_block(&place, p);
    pki_block_dress(&b, 100, NULL);
    found("K2");
}
END_TEST

START_TEST(audit_finds_a_wrong_weight) /* K3 */
{
    pk_heap_free(pk_heap_alloc(heap, 100));
    found(NULL);
    quarantine()->weight++;
    found("K3");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("checked");
    TCase *parts = tcase_create("parts");
    tcase_set_timeout(parts, 60);
    tcase_add_loop_test(parts, a_word_tells_its_state_and_size, 0, 2);
    tcase_add_loop_test(parts, a_canary_has_no_zero_and_shows_each_change, 0, 2);
    tcase_add_test(parts, a_quarantine_keeps_to_its_bound_and_loses_nothing);
    tcase_add_test(parts, a_random_block_is_any_free_one);
    tcase_add_test(parts, shut_pages_open_again_and_are_zero);
    if (!TEST_SANITIZED && !TEST_EMULATED) {
        tcase_add_test_raise_signal(parts, shut_pages_may_not_be_touched, SIGSEGV);
        tcase_add_test_raise_signal(parts, a_sampled_block_may_not_be_read_after_free, SIGSEGV);
    }
    suite_add_tcase(suite, parts);
    TCase *audit = tcase_create("audit");
    tcase_add_checked_fixture(audit, setup, NULL);
    ADD_CASE(suite, audit, 10, audit_finds_an_overrun, audit_finds_a_block_in_use_in_quarantine,
             audit_finds_a_wrong_weight);
    return suite;
}

TEST_MAIN(make_suite)
