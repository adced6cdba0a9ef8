/* SPDX-License-Identifier: MIT
 * registry_test.c: src/slab/registry.h at the edges of the address space. */
#include "expect.h"
#include "runner.h"
#include "slab/registry.h"

/* Volatile, or gcc warns of addresses that the loops below never reach. */
static const void *at(uint64_t address)
{
    volatile uintptr_t opaque = (uintptr_t)address;
    return (const void *)opaque;
}

/* Bits that are set, in the whole table. */
static size_t bits_set(void)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof pki_registry / sizeof *pki_registry; i++) {
        unsigned word = atomic_load_explicit(&pki_registry[i], memory_order_relaxed);
        n += (unsigned)__builtin_popcount(word);
    }
    return n;
}

START_TEST(begins_empty)
{
    ck_assert_uint_eq(sizeof pki_registry * 8 * PKI_CHUNK_SIZE, (uint64_t)1 << PKI_ADDRESS_BITS);
    ck_assert_uint_eq(bits_set(), 0);
    EXPECT(!pki_registry_has(NULL));
}
END_TEST

/* One chunk: its first and last byte are in it, the bytes beside it are not. */
static void one_chunk(uint64_t chunk)
{
    EXPECT_AT(!pki_registry_has(at(chunk)), chunk, 0);
    pki_registry_add(at(chunk));
    EXPECT_AT(bits_set() == 1, chunk, bits_set());
    EXPECT_AT(pki_registry_has(at(chunk)), chunk, 0);
    EXPECT_AT(pki_registry_has(at(chunk + PKI_CHUNK_SIZE / 2)), chunk, 0);
    EXPECT_AT(pki_registry_has(at(chunk + PKI_CHUNK_SIZE - 1)), chunk, 0);
    EXPECT_AT(!pki_registry_has(at(chunk - 1)), chunk, 0);
    EXPECT_AT(!pki_registry_has(at(chunk + PKI_CHUNK_SIZE)), chunk, 0);
    EXPECT_AT(!pki_registry_has(at(chunk + ((uint64_t)1 << PKI_ADDRESS_BITS))), chunk, 0);
    EXPECT_AT(!pki_registry_has(at(chunk | (uint64_t)1 << 63)), chunk, 0);
    pki_registry_remove(at(chunk));
    EXPECT_AT(bits_set() == 0, chunk, bits_set());
}

START_TEST(edges_of_the_address_space)
{
    one_chunk(0);
    one_chunk(PKI_CHUNK_SIZE);
    one_chunk(((uint64_t)1 << PKI_ADDRESS_BITS) - PKI_CHUNK_SIZE);
    for (unsigned shift = PKI_CHUNK_SHIFT; shift < PKI_ADDRESS_BITS; shift++) {
        one_chunk((uint64_t)1 << shift);
    }
}
END_TEST

/* Addresses that no user program has, with every chunk registered. */
START_TEST(beyond_user_addresses)
{
    for (size_t i = 0; i < PKI_REGISTRY_CHUNKS; i++) pki_registry_add(at(i * PKI_CHUNK_SIZE));
    EXPECT(bits_set() == PKI_REGISTRY_CHUNKS);
    EXPECT(pki_registry_has(NULL) && pki_registry_has(at(((uint64_t)1 << PKI_ADDRESS_BITS) - 1)));
    for (unsigned shift = PKI_ADDRESS_BITS; shift < 64; shift++) {
        EXPECT_AT(!pki_registry_has(at((uint64_t)1 << shift)), shift, 0);
        EXPECT_AT(!pki_registry_has(at(~(((uint64_t)1 << shift) - 1))), shift, 0);
    }
    EXPECT(!pki_registry_has(at(UINT64_MAX)));
    for (size_t i = 0; i < PKI_REGISTRY_CHUNKS; i++) pki_registry_remove(at(i * PKI_CHUNK_SIZE));
    EXPECT(bits_set() == 0);
}
END_TEST

/* Eight chunks share a byte: each pattern of them reads back. */
START_TEST(neighbours_in_a_byte)
{
    uint64_t base = (uint64_t)0x7f1200000000;
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        for (unsigned i = 0; i < 8; i++)
            if (pattern >> i & 1) pki_registry_add(at(base + i * PKI_CHUNK_SIZE));
        for (unsigned i = 0; i < 8; i++)
            EXPECT_AT(pki_registry_has(at(base + i * PKI_CHUNK_SIZE + 12345)) ==
                          ((pattern >> i & 1) != 0),
                      pattern, i);
        for (unsigned i = 0; i < 8; i++) pki_registry_remove(at(base + i * PKI_CHUNK_SIZE));
        EXPECT_AT(!pki_registry_has(at(base)), pattern, 0);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("registry");
    ADD_CASE(suite, tcase_create("registry"), 30, begins_empty, edges_of_the_address_space,
             beyond_user_addresses, neighbours_in_a_byte);
    return suite;
}

TEST_MAIN(make_suite)
