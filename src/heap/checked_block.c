/* SPDX-License-Identifier: MIT
 * checked_block.c: see checked_block.h. */
#include "heap/checked_block.h"

#include <string.h>

#include "base/bits.h"
#include "os/process.h"

static const unsigned STAMP_BITS = 48;
static const uint64_t NO_ZERO_BYTE = UINT64_C(0x0101010101010101);

/* Written once, before the first block of the first checked heap. */
static uint64_t key;

void pki_block_key_init(void)
{
    if (key == 0) {
        key = pki_os_random() | 1;
    }
}

/* Each bit of the result depends on each of x: two rounds of folding and multiplying. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    x = (x ^ x >> 32) * UINT64_C(0x9FB21C651E98DF25);
    return x ^ x >> 32;
}

static uint64_t make_word(const char *p, size_t slack, pki_block_state state)
{
    uint64_t high = (uint64_t)slack << STAMP_BITS;
    uint64_t stamp = mix(((uintptr_t)p + high) ^ (key * (2 * (uint64_t)state + 1)));
    return high | (stamp & ((UINT64_C(1) << STAMP_BITS) - 1)) | 1;
}

/* ---- canary and poison ---- */

static uint64_t canary_of(const char *p) { return mix((uintptr_t)p + key) | NO_ZERO_BYTE; }

static void fill(char *at, size_t size, uint64_t pattern)
{
    for (; size >= sizeof pattern; at += sizeof pattern, size -= sizeof pattern) {
        memcpy(at, &pattern, sizeof pattern);
    }
    memcpy(at, &pattern, size);
}

static bool is_filled(const char *at, size_t size, uint64_t pattern)
{
    for (; size >= sizeof pattern; at += sizeof pattern, size -= sizeof pattern) {
        if (memcmp(at, &pattern, sizeof pattern) != 0) {
            return false;
        }
    }
    return memcmp(at, &pattern, size) == 0;
}

static size_t canary_size(const pki_block *b, size_t n)
{
    return b->debug ? b->room - n : pki_min(b->room - n, PKI_CANARY_MAX);
}

static const uint64_t POISON_WORD = PKI_POISON * UINT64_C(0x0101010101010101);

void pki_poison(char *from, size_t size) { memset(from, PKI_POISON, size); }

bool pki_is_poison(const char *from, size_t size) { return is_filled(from, size, POISON_WORD); }

/* ---- the record ---- */

/* Relaxed everywhere: who may write a block's word has the block, and says so under locks. */
static uint64_t read_word(const pki_block *b)
{
    return atomic_load_explicit(&pki_block_record_of(b)->word, memory_order_relaxed);
}

static void write_word(const pki_block *b, size_t n, pki_block_state state)
{
    atomic_store_explicit(&pki_block_record_of(b)->word, make_word(b->p, b->room - n, state),
                          memory_order_relaxed);
}

pki_block_state pki_block_look(const pki_block *b, size_t *n)
{
    uint64_t word = read_word(b);
    size_t slack = (size_t)(word >> STAMP_BITS);
    if (word == 0) {
        return PKI_BLOCK_BLANK;
    }
    if (slack > b->room) {
        return PKI_BLOCK_DAMAGED;
    }
    *n = b->room - slack;
    return word == make_word(b->p, slack, PKI_BLOCK_LIVE)    ? PKI_BLOCK_LIVE
           : word == make_word(b->p, slack, PKI_BLOCK_FREED) ? PKI_BLOCK_FREED
                                                             : PKI_BLOCK_DAMAGED;
}

void pki_block_clear(const pki_block *b)
{
    write_word(b, b->room, PKI_BLOCK_FREED);
    if (b->debug) {
        pki_block_record_of(b)->end = canary_of(b->p);
    }
}

void pki_block_dress(const pki_block *b, size_t n, const void *site)
{
    pki_block_record *record = pki_block_record_of(b);
    fill(b->p + n, canary_size(b, n), canary_of(b->p));
    if (b->debug) {
        record->allocated_at = site;
        record->freed_at = NULL;
    }
    write_word(b, n, PKI_BLOCK_LIVE);
}

bool pki_block_claim(const pki_block *b, size_t n, const void *site)
{
    pki_block_record *record = pki_block_record_of(b);
    uint64_t expected = make_word(b->p, b->room - n, PKI_BLOCK_LIVE);
    uint64_t wanted = make_word(b->p, b->room - n, PKI_BLOCK_FREED);
    if (!atomic_compare_exchange_strong_explicit(&record->word, &expected, wanted,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return false;
    }
    if (b->debug) {
        record->freed_at = site;
    }
    return true;
}

bool pki_block_record_holds(const pki_block *b)
{
    size_t n;
    pki_block_state state = pki_block_look(b, &n);
    return state == PKI_BLOCK_BLANK ||
           (state != PKI_BLOCK_DAMAGED &&
            (!b->debug || pki_block_record_of(b)->end == canary_of(b->p)));
}

bool pki_block_is_whole(const pki_block *b, size_t n)
{
    uint64_t canary = canary_of(b->p);
    return is_filled(b->p + n, canary_size(b, n), canary) &&
           (!b->debug || pki_block_record_of(b)->end == canary);
}
