/* SPDX-License-Identifier: MIT
 * place.h: what an address points to, and giving a block back by its address alone. Shared by the heaps
 * and the shared pools. */
#ifndef PKI_SLAB_PLACE_H
#define PKI_SLAB_PLACE_H

#include "slab/thread.h"

/* The kinds of places an address can point to. */
typedef enum {
    PKI_PLACE_FOREIGN,
    PKI_PLACE_CLASS, /* in a slab of blocks  */
    PKI_PLACE_RUN,   /* the start of a run   */
    PKI_PLACE_LARGE, /* the start of a large */
    PKI_PLACE_FREE,  /* a slab of nobody's, or a large block that was freed */
    PKI_PLACE_INSIDE /* ours, but no block's start */
} pki_place_kind;

typedef struct {
    pki_place_kind kind;
    pki_space *space; /* NULL if foreign   */
    uint32_t word;
    size_t usable; /* of the block, else 0 */
    union {
        pki_slab *slab;
        pki_large *large;
    };
} pki_place;

/* Reads no memory that is not ours. */
pki_place pki_place_of(const void *p);

/* Is a block of the program's there, in a space of this kind? If not so, place->kind tells why. */
bool pki_place_is_live(pki_place *place, const void *p, pki_space_kind kind);

/* Reports that `p` was given to a heap, or a shared pool, and is no block in use of such. */
void pki_place_report(const pki_place *place, const void *p, pki_space_kind kind);

/* Frees a block of a space of this kind beyond the hot path, or reports it. owner_of gives the calling
 * thread's owner in the space, NULL if it has none. errno is kept. */
void pki_place_free(void *p, pki_space_kind kind, pki_owner *(*owner_of)(pki_space *space));

#endif /* PKI_SLAB_PLACE_H */
