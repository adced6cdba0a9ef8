/* SPDX-License-Identifier: MIT
 * cfi_test.c: rules out of unwind tables that are made by hand, and out of damaged ones.
 *
 * A module of the tests is one array: the header, the code's addresses (no code is there), the
 * tables. So everything in it is relative, as in a module that the dynamic linker has mapped. */
#include "recorder/cfi.h"
#include "rng.h"
#include "runner.h"

#include <stdbool.h>
#include <string.h>

#define MODULE_BYTES 512
#define TABLES 64 /* where .eh_frame begins */
#define CODE 400  /* where the one function begins */
#define CODE_BYTES 64

struct module {
    _Alignas(16) uint8_t bytes[MODULE_BYTES];
    size_t used; /* of .eh_frame */
};

static void put(struct module *m, const void *bytes, size_t n)
{
    memcpy(m->bytes + m->used, bytes, n);
    m->used += n;
}

static void put32(struct module *m, size_t at, size_t value)
{
    uint32_t word = (uint32_t)value;
    memcpy(m->bytes + at, &word, sizeof word);
}

/* One CIE as gcc writes it (CFA = rsp + 8, return address at CFA - 8), one FDE with this program. */
static void build(struct module *m, const char *letters, const uint8_t *program, size_t n)
{
    static const uint8_t first[] = {0x0c, 7, 8, 0x90, 1, 0, 0};
    static const uint8_t factors[] = {1, 0x78, 16, 1, 0x1b};
    memset(m, 0, sizeof *m);
    m->used = TABLES + 8; /* length, and 0 for a CIE */
    put(m, (const uint8_t[]){1}, 1);
    put(m, letters, strlen(letters) + 1);
    put(m, factors, sizeof factors);
    put(m, first, sizeof first);
    put32(m, TABLES, m->used - TABLES - 4);
    size_t entry = m->used;
    m->used += 8;
    put32(m, entry + 4, entry + 4 - TABLES);
    put32(m, m->used, CODE - m->used);
    put32(m, m->used + 4, CODE_BYTES);
    m->used += 8;
    put(m, (const uint8_t[]){0}, 1);
    put(m, program, n);
    put32(m, entry, m->used - entry - 4);
    memcpy(m->bytes, (const uint8_t[]){1, 0x1b, 0x03, 0x3b}, 4);
    put32(m, 4, TABLES - 4);
    put32(m, 8, 1);
    put32(m, 12, CODE);
    put32(m, 16, entry);
}

static struct pki_rule rule_at(const struct module *m, size_t offset)
{
    uintptr_t start = (uintptr_t)m->bytes;
    return pki_cfi_rule(m->bytes, start, start + MODULE_BYTES, start + CODE + offset);
}

static void expect_rule(struct pki_rule r, enum pki_cfa cfa, int offset, enum pki_rbp at, int rbp)
{
    ck_assert_int_eq(r.cfa, cfa);
    ck_assert_int_eq(r.offset, offset);
    ck_assert_int_eq(r.rbp_at, at);
    ck_assert_int_eq(r.rbp, rbp);
}

/* push %rbp; mov %rsp,%rbp; ...; leave; ret */
static const uint8_t with_frame[] = {0x41, 0x0e, 16,   0x86, 2, 0x43, 0x0d, 6,   0x02,
                                     40,   0x0a, 0xc6, 0x0c, 7, 8,    0x44, 0x0b};

START_TEST(rows_change_with_the_address)
{
    struct module m;
    build(&m, "zR", with_frame, sizeof with_frame);
    expect_rule(rule_at(&m, 0), PKI_CFA_RSP, 8, PKI_RBP_SAME, 0);
    expect_rule(rule_at(&m, 1), PKI_CFA_RSP, 16, PKI_RBP_AT_CFA, -2);
    expect_rule(rule_at(&m, 3), PKI_CFA_RSP, 16, PKI_RBP_AT_CFA, -2);
    expect_rule(rule_at(&m, 4), PKI_CFA_RBP, 16, PKI_RBP_AT_CFA, -2);
    expect_rule(rule_at(&m, 43), PKI_CFA_RBP, 16, PKI_RBP_AT_CFA, -2);
    expect_rule(rule_at(&m, 44), PKI_CFA_RSP, 8, PKI_RBP_SAME, 0);
    expect_rule(rule_at(&m, 48), PKI_CFA_RBP, 16, PKI_RBP_AT_CFA, -2);
}
END_TEST

START_TEST(addresses_without_an_entry_are_unknown)
{
    struct module m;
    build(&m, "zR", with_frame, sizeof with_frame);
    expect_rule(rule_at(&m, CODE_BYTES - 1), PKI_CFA_RBP, 16, PKI_RBP_AT_CFA, -2);
    ck_assert_int_eq(rule_at(&m, CODE_BYTES).cfa, PKI_CFA_UNKNOWN);
    ck_assert_int_eq(rule_at(&m, (size_t)-1).cfa, PKI_CFA_UNKNOWN);
    uintptr_t start = (uintptr_t)m.bytes;
    ck_assert_int_eq(pki_cfi_rule(NULL, start, start + MODULE_BYTES, start + CODE).cfa,
                     PKI_CFA_UNKNOWN);
}
END_TEST

START_TEST(linkage_table_depends_on_the_address)
{
    static const uint8_t plt[] = {0x0f, 11,   0x77, 8,    0x80, 0,   0x3f,
                                  0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
    struct module m;
    build(&m, "zR", plt, sizeof plt);
    for (size_t i = 0; i < 16; i++) {
        bool pushed = (((uintptr_t)m.bytes + CODE + i) & 15) >= 11;
        expect_rule(rule_at(&m, i), PKI_CFA_RSP, pushed ? 16 : 8, PKI_RBP_SAME, 0);
    }
}
END_TEST

START_TEST(realigned_stacks)
{
    static const uint8_t realigned[] = {0x10, 6, 2, 0x76, 0, 0x0f, 3, 0x76, 0x78, 0x06};
    struct module m;
    build(&m, "zR", realigned, sizeof realigned);
    expect_rule(rule_at(&m, 0), PKI_CFA_AT_RBP, -8, PKI_RBP_AT_RBP, 0);
}
END_TEST

START_TEST(ends_and_signals)
{
    static const uint8_t outermost[] = {0x07, 16};
    static const uint8_t other[] = {0x0c, 10, 0}; /* CFA = r10 */
    static const uint8_t strange[] = {0x3f};      /* no such instruction */
    struct module m;
    build(&m, "zR", outermost, sizeof outermost);
    ck_assert_int_eq(rule_at(&m, 5).cfa, PKI_CFA_STOP);
    build(&m, "zRS", outermost, sizeof outermost);
    ck_assert_int_eq(rule_at(&m, 5).cfa, PKI_CFA_SIGNAL);
    build(&m, "zR", other, sizeof other);
    ck_assert_int_eq(rule_at(&m, 5).cfa, PKI_CFA_UNKNOWN);
    build(&m, "zR", strange, sizeof strange);
    ck_assert_int_eq(rule_at(&m, 5).cfa, PKI_CFA_UNKNOWN);
    build(&m, "zQ", outermost, sizeof outermost);
    ck_assert_int_eq(rule_at(&m, 5).cfa, PKI_CFA_UNKNOWN);
}
END_TEST

/* Any byte may be anything: the parser ends, and reads nothing outside (under AddressSanitizer). */
START_TEST(damaged_tables_are_survived)
{
    rng random = rng_make(rng_run_seed());
    for (int round = 0; round < 200000; round++) {
        struct module m;
        build(&m, "zR", with_frame, sizeof with_frame);
        for (unsigned n = 1 + (unsigned)rng_below(&random, 4); n > 0; n--) {
            m.bytes[rng_below(&random, m.used)] = (uint8_t)rng_next(&random);
        }
        struct module *exact = malloc(sizeof m);
        ck_assert_ptr_nonnull(exact);
        *exact = m;
        (void)rule_at(exact, rng_below(&random, CODE_BYTES));
        free(exact);
    }
}
END_TEST

static Suite *cfi_suite(void)
{
    Suite *suite = suite_create("recorder/cfi");
    ADD_CASE(suite, tcase_create("rules"), 5, rows_change_with_the_address,
             addresses_without_an_entry_are_unknown, linkage_table_depends_on_the_address,
             realigned_stacks, ends_and_signals);
    ADD_CASE(suite, tcase_create("damage"), 20, damaged_tables_are_survived);
    return suite;
}

TEST_MAIN(cfi_suite)
