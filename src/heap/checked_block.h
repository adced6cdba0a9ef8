/* SPDX-License-Identifier: MIT
 * checked_block.h: a block of a checked heap: what stands behind the bytes that the program asked for.
 *
 *   hardened  │ n bytes, the program's │ canary, 0 … 64 KiB │ word │
 *   debug     │ n bytes, the program's │ canary             │ word │ allocated at │ freed at │ end │
 *             ▲ p                                         ▲ p + room
 *
 *   word    state and size in 8 bytes: room - n, or 65,535 if it is more, in the highest 16 bits, below them a stamp of 48 bits,
 *           made from that number, the state, the block's address and the process's secret key
 *   canary  bytes made from address and key; none of them is 0, which is what strings write most
 *   end     such bytes too; an underrun of the next block meets them first
 *
 * A stamp fits one address, size and state, so that a word tells by itself whether the block is in use,
 * is free, or was overwritten: nobody can forge it without the key. Its lowest byte, the first that an
 * overrun meets, is never 0. A word of 0 is a block's that was never used, or whose page was purged.
 *
 * A word is changed and read as one, so that a neighbour's look at it needs no lock. All else is
 * written by the thread that has the block. */
#ifndef PKI_HEAP_CHECKED_BLOCK_H
#define PKI_HEAP_CHECKED_BLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

typedef struct {
    _Atomic uint64_t word;
    const void *allocated_at; /* debug only, and what follows */
    const void *freed_at;
    uint64_t end;
} pki_block_record;

typedef enum {
    PKI_BLOCK_BLANK,
    PKI_BLOCK_LIVE,
    PKI_BLOCK_FREED,
    PKI_BLOCK_DAMAGED
} pki_block_state;

typedef struct {
    char *p;
    size_t room;     /* bytes as far as the record            */
    uint64_t secret; /* made from p and the process's key     */
    bool debug;      /* the record is a whole one             */
} pki_block;

enum {
    PKI_CANARY_DEBUG = 16, /* bytes at least: a short overrun leaves the record readable */
    PKI_GAP_HARDENED = sizeof(uint64_t),
    PKI_GAP_DEBUG = PKI_CANARY_DEBUG + sizeof(pki_block_record),
    PKI_SLACK_MAX = UINT16_MAX, /* room - n; at it, fewer bytes may have been asked for */
    PKI_CANARY_MAX = 64,        /* hardened: bytes of the canary that are written and looked at */
    PKI_POISON = 0xDF           /* the bytes of a freed block; as a pointer no address */
};

/* Makes the key, once, before the first block. */
void pki_block_key_init(void);

/* Relaxed: written before the first block of the first checked heap. */
extern _Atomic uint64_t pki_block_key;

/* Each bit of the secret depends on each of the address and the key: two rounds of folding and multiplying. */
static inline pki_block pki_block_at(void *p, size_t room, bool debug)
{
    uint64_t x = (uintptr_t)p ^ atomic_load_explicit(&pki_block_key, memory_order_relaxed);
    x = (x ^ x >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    x = (x ^ x >> 32) * UINT64_C(0x9FB21C651E98DF25);
    return (pki_block){(char *)p, room, x ^ x >> 32, debug};
}

static inline pki_block_record *pki_block_record_of(const pki_block *b)
{
    return (pki_block_record *)(b->p + b->room);
}

/* What the word says; *n is set for a block in use or free. */
pki_block_state pki_block_look(const pki_block *b, size_t *n);

/* Marks the block, just taken from its slab, as a free one of no bytes. */
void pki_block_clear(const pki_block *b);

/* The block is in use, with n bytes, or as few as the record can say. */
void pki_block_dress(const pki_block *b, size_t n, const void *site);

/* Found in use → free; false if it is no longer in use. */
bool pki_block_claim(const pki_block *b, size_t n, const void *site);

/* Is what lies between the program's bytes and the word as it was written? And behind the word? */
bool pki_block_is_whole(const pki_block *b, size_t n);

/* The word, and what stands behind it: false if somebody wrote there. May be asked of a neighbour in use or in
 * quarantine, under the lock under which blocks of its slab are taken. */
bool pki_block_record_holds(const pki_block *b);

/* Fills [from, from + size) with poison; is it still there? */
void pki_poison(char *from, size_t size);
bool pki_is_poison(const char *from, size_t size);

#endif /* PKI_HEAP_CHECKED_BLOCK_H */
