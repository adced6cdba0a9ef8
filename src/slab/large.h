/* SPDX-License-Identifier: MIT
 * large.h: what the files about large blocks share; what others call is in space.h.
 *
 *   large.c         take, give: a block and its mapping
 *   large_resize.c  longer, shorter, elsewhere
 *   large_cache.c   freed ones, whose pages go into new ones */
#ifndef PKI_SLAB_LARGE_H
#define PKI_SLAB_LARGE_H

#include "slab/space.h"

static inline pki_chunk *pki_chunk_of_large(pki_large *large)
{
    return (pki_chunk *)((char *)large - offsetof(pki_chunk, large));
}

/* Bytes before the block. */
static inline size_t pki_large_offset(pki_large *large)
{
    return (size_t)(large->block - (char *)pki_chunk_of_large(large));
}

/* Where its last piece begins. */
static inline size_t pki_large_last_piece(const pki_large *large)
{
    return large->piece[large->n_pieces - 1];
}

/* The mapping ends there now: earlier, or later by a longer last piece. */
static inline void pki_large_set_end(pki_large *large, size_t mapped)
{
    while (pki_large_last_piece(large) >= mapped) {
        large->n_pieces--;
    }
    large->mapped = mapped;
}

/* ---- lists; the lock is held ---- */

static inline void pki_large_add(pki_large **list, pki_large *large)
{
    large->prev = NULL;
    large->next = *list;
    if (large->next != NULL) {
        large->next->prev = large;
    }
    *list = large;
}

static inline void pki_large_remove(pki_large **list, pki_large *large)
{
    if (large->next != NULL) {
        large->next->prev = large->prev;
    }
    if (large->prev != NULL) {
        large->prev->next = large->next;
    } else {
        *list = large->next;
    }
}

/* ---- large.c ---- */

/* Counts `bytes` as used by large blocks; false if the limit does not allow it. Lock held. */
bool pki_large_charge(pki_space *space, size_t bytes);
void pki_large_uncharge(pki_space *space, size_t bytes);

/* It is on no list. */
void pki_large_unmap(pki_large *large);

/* ---- large_cache.c ---- */

/* Takes a freed block that is hardly longer than needed out of the cache. Lock held. */
pki_large *pki_large_reuse(pki_space *space, size_t usable, size_t align);

/* May a new block be filled with pages of freed ones? */
bool pki_large_may_gather(const pki_space *space);

/* Fills a block from `from` on, which was mapped just now, with the pages of freed blocks and of dirty slabs,
 * *warm bytes of them; as many bytes as it still takes from the system go back. Lock held. False:
 * the system refused; the block then ends at `from`. */
bool pki_large_fill(pki_space *space, pki_large *large, size_t from, size_t *warm);

/* A new block needed `fresh` bytes from the system and had `warm` ones from freed blocks. Lock held. */
void pki_large_learn(pki_space *space, size_t fresh, size_t warm);

/* Keeps a freed block that is on no list, or as much of it as is worth it. */
void pki_large_keep(pki_space *space, pki_large *large);

#endif /* PKI_SLAB_LARGE_H */
