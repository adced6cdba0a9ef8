/* SPDX-License-Identifier: MIT
 * registry.h: one bit for each 4 MiB of address space: does a chunk of ours begin there? It answers
 * for any address, without reading what the address points to.
 *
 * 47 bits of user address make 2^25 chunks: 4 MiB of zero pages that only become resident where a
 * bit is set, one page for every 128 GiB of addresses.
 *
 * A bit is set before the first block of its chunk is handed out and cleared after the last one
 * came back, so that whoever holds a block sees the bit set without further ordering: relaxed. */
#ifndef PKI_SLAB_REGISTRY_H
#define PKI_SLAB_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { PKI_CHUNK_SHIFT = 22, PKI_ADDRESS_BITS = 47 };

#define PKI_CHUNK_SIZE ((size_t)1 << PKI_CHUNK_SHIFT)
#define PKI_REGISTRY_CHUNKS ((size_t)1 << (PKI_ADDRESS_BITS - PKI_CHUNK_SHIFT))

/* In words of 32 bits: one shift finds the word, and the bit test takes its number modulo 32. */
extern _Atomic uint32_t pki_registry[PKI_REGISTRY_CHUNKS / 32];

/* Does `p` lie in the first 4 MiB of a chunk or of a large mapping of ours? */
PKI_INLINE bool pki_registry_has(const void *p)
{
    uintptr_t chunk = (uintptr_t)p >> PKI_CHUNK_SHIFT;
    return chunk < PKI_REGISTRY_CHUNKS &&
           (atomic_load_explicit(&pki_registry[chunk / 32], memory_order_relaxed) >> (chunk % 32) &
            1) != 0;
}

static inline void pki_registry_add(const void *chunk)
{
    uintptr_t i = (uintptr_t)chunk >> PKI_CHUNK_SHIFT;
    atomic_fetch_or_explicit(&pki_registry[i / 32], UINT32_C(1) << (i % 32), memory_order_relaxed);
}

static inline void pki_registry_remove(const void *chunk)
{
    uintptr_t i = (uintptr_t)chunk >> PKI_CHUNK_SHIFT;
    atomic_fetch_and_explicit(&pki_registry[i / 32], ~(UINT32_C(1) << (i % 32)),
                              memory_order_relaxed);
}

#endif /* PKI_SLAB_REGISTRY_H */
