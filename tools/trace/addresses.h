/* SPDX-License-Identifier: MIT
 * addresses.h: from the address of a live block to its slot.
 *
 * Open addressing with linear steps, at most half full; a removed entry is filled by
 * those behind it, so that there are no traces of the dead to step over.
 */
#ifndef POOLKIT_TRACE_ADDRESSES_H
#define POOLKIT_TRACE_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PKI_NO_SLOT UINT32_MAX

struct pki_map_entry {
    uint64_t address; /* 0: none */
    uint32_t slot;
};

struct pki_map {
    struct pki_map_entry *entries;
    size_t mask; /* one less than how many there is room for, a power of two */
    size_t n;
    unsigned shift;
};

bool pki_map_create(struct pki_map *m);
void pki_map_drop(struct pki_map *m);
/* The place for an address that is not 0: its entry, or the empty one where it goes. NULL: the
 * map had to grow and there was no memory. */
struct pki_map_entry *pki_map_place(struct pki_map *m, uint64_t address);
void pki_map_fill(struct pki_map *m, struct pki_map_entry *place, uint64_t address, uint32_t slot);
uint32_t pki_map_find(const struct pki_map *m, uint64_t address);
/* Its slot, or PKI_NO_SLOT if it was not there. */
uint32_t pki_map_take(struct pki_map *m, uint64_t address);

#endif
