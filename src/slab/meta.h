/* SPDX-License-Identifier: MIT
 * meta.h: memory for poolkit's own records (owners, their stacks, heaps), apart from the chunks, so
 * that no overrun of a block reaches it. Freed records are kept by size and used again; the
 * regions they are cut from stay for the life of the process. */
#ifndef PKI_SLAB_META_H
#define PKI_SLAB_META_H

#include <stdbool.h>
#include <stddef.h>

/* `size` zero bytes at a multiple of 64, NULL if there is no memory. */
void *pki_meta_alloc(size_t size);

/* `size` is the size it was allocated with. */
void pki_meta_free(void *record, size_t size);

/* Bytes of regions taken from the system so far. */
size_t pki_meta_committed(void);

/* See fork.h. */
void pki_meta_before_fork(void);
void pki_meta_after_fork(bool in_child);

#endif /* PKI_SLAB_META_H */
