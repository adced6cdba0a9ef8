/* SPDX-License-Identifier: MIT
 * checked_block.c: see checked_block.h. */
#include "heap/checked_block.h"

#include <string.h>

#include "base/bits.h"
#include "os/process.h"

#define STAMP_BITS 48
#define STAMP_MASK ((UINT64_C(1) << STAMP_BITS) - 1)

static const uint64_t NO_ZERO_BYTE = UINT64_C(0x0101010101010101);
static const uint64_t CANARY_FACTOR = UINT64_C(0xC2B2AE3D27D4EB4F); /* any odd number */

/* The word of a free block differs in these bits from that of the same block in use. */
static const uint64_t FREED = UINT64_C(0x5AA5C33C9660) & STAMP_MASK;

_Atomic uint64_t pki_block_key;

void pki_block_key_init(void)
{
    uint64_t none = 0;
    if (atomic_load_explicit(&pki_block_key, memory_order_relaxed) == 0) {
        atomic_compare_exchange_strong_explicit(&pki_block_key, &none, pki_os_random() | 1,
                                                memory_order_relaxed, memory_order_relaxed);
    }
}

/* Of a block in use. */
static uint64_t make_word(const pki_block *b, uint64_t slack)
{
    uint64_t stamp = b->secret * (2 * slack + 1) >> (64 - STAMP_BITS);
    return slack << STAMP_BITS | stamp | 1;
}

/* ---- canary and poison ---- */

static uint64_t canary_of(const pki_block *b) { return b->secret * CANARY_FACTOR | NO_ZERO_BYTE; }

static void fill(char *at, size_t size, uint64_t pattern)
{
    for (; size >= sizeof pattern; at += sizeof pattern, size -= sizeof pattern) {
        memcpy(at, &pattern, sizeof pattern);
    }
    memcpy(at, &pattern, size);
}

static bool is_filled(const char *at, size_t size, uint64_t pattern)
{
    uint64_t word[4], differs = 0;
    for (; size >= sizeof word && differs == 0; at += sizeof word, size -= sizeof word) {
        memcpy(word, at, sizeof word);
        differs =
            (word[0] ^ pattern) | (word[1] ^ pattern) | (word[2] ^ pattern) | (word[3] ^ pattern);
    }
    for (; size >= sizeof pattern && differs == 0; at += sizeof pattern, size -= sizeof pattern) {
        memcpy(word, at, sizeof *word);
        differs = *word ^ pattern;
    }
    return differs == 0 && memcmp(at, &pattern, size) == 0;
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

static void write_word(const pki_block *b, uint64_t word)
{
    atomic_store_explicit(&pki_block_record_of(b)->word, word, memory_order_relaxed);
}

pki_block_state pki_block_look(const pki_block *b, size_t *n)
{
    uint64_t word = read_word(b);
    size_t slack = (size_t)(word >> STAMP_BITS);
    if (word == 0) {
        return PKI_BLOCK_BLANK;
    }
    uint64_t difference = word ^ make_word(b, slack);
    if (slack > b->room || (difference != 0 && difference != FREED)) {
        return PKI_BLOCK_DAMAGED;
    }
    *n = b->room - slack;
    return difference == 0 ? PKI_BLOCK_LIVE : PKI_BLOCK_FREED;
}

void pki_block_clear(const pki_block *b)
{
    write_word(b, make_word(b, 0) ^ FREED);
    if (b->debug) {
        pki_block_record_of(b)->end = canary_of(b);
    }
}

void pki_block_dress(const pki_block *b, size_t n, const void *site)
{
    pki_block_record *record = pki_block_record_of(b);
    n = pki_max(n, b->room - pki_min(b->room, PKI_SLACK_MAX));
    fill(b->p + n, canary_size(b, n), canary_of(b));
    if (b->debug) {
        record->allocated_at = site;
        record->freed_at = NULL;
    }
    write_word(b, make_word(b, b->room - n));
}

bool pki_block_claim(const pki_block *b, size_t n, const void *site)
{
    pki_block_record *record = pki_block_record_of(b);
    uint64_t expected = make_word(b, b->room - n);
    if (!atomic_compare_exchange_strong_explicit(&record->word, &expected, expected ^ FREED,
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
    return (state == PKI_BLOCK_LIVE || state == PKI_BLOCK_FREED) &&
           (!b->debug || pki_block_record_of(b)->end == canary_of(b));
}

bool pki_block_is_whole(const pki_block *b, size_t n)
{
    uint64_t canary = canary_of(b);
    return is_filled(b->p + n, canary_size(b, n), canary) &&
           (!b->debug || pki_block_record_of(b)->end == canary);
}
