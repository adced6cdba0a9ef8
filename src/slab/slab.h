/* SPDX-License-Identifier: MIT
 * slab.h: taking blocks out of one slab and putting them back. The owner's lock is held. What is in
 * slab.c needs no operating system. */
#ifndef PKI_SLAB_SLAB_H
#define PKI_SLAB_SLAB_H

#include <stdbool.h>

#include "slab/chunk.h"

/* Prepares an empty slab of `capacity` blocks of `size` bytes at `base`, with their home bits at `bits`.
 * Its word, if it has one, is the caller's business. */
void pki_slab_init(pki_slab *slab, void *base, pki_bits *bits, size_t size, size_t capacity);

/* Prepares its idle bits, too, behind the home bits: for a chunk's slab. */
void pki_slab_mark(pki_slab *slab);

static inline bool pki_slab_has_room(const pki_slab *slab) { return slab->used < slab->capacity; }

/* Moves up to `n` free blocks to out[0..], as a stack from which the lowest address is popped first,
 * and those used before before those that never were. Returns how many; the first *fresh of them
 * are fresh. Those of a marked slab are idle. */
unsigned pki_slab_take(pki_slab *slab, void **out, unsigned n, unsigned *fresh);

/* One block: any of those used before, as `random` says, or, if there is none, a fresh one. The slab has
 * room. */
void *pki_slab_take_random(pki_slab *slab, uint64_t random);

typedef enum {
    PKI_PUT_DONE = 0,
    PKI_PUT_NOT_A_BLOCK, /* not where a block begins, or a block that was never handed out */
    PKI_PUT_FREE_ALREADY
} pki_put_result;

/* What a block that comes home was until then: the program's, or, from a stack, idle. Looked at in marked
 * slabs. */
typedef enum { PKI_WAS_HELD, PKI_WAS_IDLE } pki_was;

pki_put_result pki_slab_put(pki_slab *slab, const void *p, pki_was was);

/* The same for the first of `n` blocks, n > 0, and for those behind it as far as they are of this slab,
 * a chunk's, and in use. Returns how many; 0: *result says what is wrong with the first. */
unsigned pki_slab_put_run(pki_slab *slab, void *const *blocks, unsigned n, pki_was was,
                          pki_put_result *result);

/* The page groups that a block's bytes lie on: a chunk's slab has 16. */
enum { PKI_PAGE_GROUP_SIZE = 1 << (PKI_SLAB_SHIFT - 4) };
uint16_t pki_slab_pages_of_block(const pki_slab *slab, size_t number);

/* Is `p` the start of a block that was handed out at least once? Then its number, else -1. */
int64_t pki_slab_block_number(const pki_slab *slab, const void *p);

static inline bool pki_slab_is_free(const pki_slab *slab, size_t number)
{
    return (pki_bits_get(&slab->bits[number / 64]) >> (number % 64) & 1) != 0;
}

/* A list of slabs with room. The first one is taken from; others are added behind it. */
void pki_slab_list_add(pki_slab **first, pki_slab *slab);
void pki_slab_list_remove(pki_slab **first, pki_slab *slab);

/* slab_purge.c: gives back the pages on which every block of a chunk's slab is free; returns how many
 * bytes. Blocks in stacks count as used. */
size_t pki_slab_purge(pki_slab *slab);

#endif /* PKI_SLAB_SLAB_H */
