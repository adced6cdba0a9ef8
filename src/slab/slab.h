/* SPDX-License-Identifier: MIT
 * slab.h: taking blocks out of one slab and putting them back. The owner's lock is held. */
#ifndef PKI_SLAB_SLAB_H
#define PKI_SLAB_SLAB_H

#include "slab/space.h"

/* Prepares an empty slab for the class; its word is the caller's business. */
void pki_slab_init(pki_slab *slab, const pki_class *cls, unsigned bin);

static inline bool pki_slab_has_room(const pki_slab *slab) { return slab->used < slab->capacity; }

/* Moves up to `n` free blocks to out[0..], lowest addresses first, those used before before those
 * that never were. Returns how many; *fresh is how many of the last ones are fresh. */
unsigned pki_slab_take(pki_slab *slab, void **out, unsigned n, unsigned *fresh);

typedef enum {
    PKI_PUT_DONE = 0,
    PKI_PUT_NOT_A_BLOCK, /* not where a block begins, or a block that was never handed out */
    PKI_PUT_FREE_ALREADY
} pki_put_result;

pki_put_result pki_slab_put(pki_slab *slab, const void *p);

/* Is `p` the start of a block that was handed out at least once? Then its number, else -1. */
int pki_slab_block_number(const pki_slab *slab, const void *p);

/* Gives back the pages on which every block is free; returns how many bytes. Blocks in stacks
 * count as used. */
size_t pki_slab_purge(pki_slab *slab);

#endif /* PKI_SLAB_SLAB_H */
