/* SPDX-License-Identifier: MIT
 * addresses.c: from the address of a live block to its slot.
 */
#include "addresses.h"

#include <stdlib.h>

#define FIRST_BITS 10

static size_t home_of(const struct pki_map *m, uint64_t address)
{
    return (size_t)((address >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> m->shift);
}

static bool create(struct pki_map *m, unsigned bits)
{
    struct pki_map_entry *entries = calloc((size_t)1 << bits, sizeof *entries);
    if (!entries) return false;
    *m = (struct pki_map){.entries = entries, .mask = ((size_t)1 << bits) - 1, .shift = 64 - bits};
    return true;
}

bool pki_map_create(struct pki_map *m) { return create(m, FIRST_BITS); }

void pki_map_drop(struct pki_map *m) { free(m->entries); }

static size_t probe(const struct pki_map *m, uint64_t address)
{
    size_t i = home_of(m, address);
    while (m->entries[i].address && m->entries[i].address != address) i = (i + 1) & m->mask;
    return i;
}

static bool grow(struct pki_map *m)
{
    struct pki_map larger;
    if (!create(&larger, 64 - m->shift + 1)) return false;
    for (size_t i = 0; i <= m->mask; i++) {
        const struct pki_map_entry *e = &m->entries[i];
        if (e->address) larger.entries[probe(&larger, e->address)] = *e;
    }
    larger.n = m->n;
    free(m->entries);
    *m = larger;
    return true;
}

struct pki_map_entry *pki_map_place(struct pki_map *m, uint64_t address)
{
    if (m->n >= m->mask / 2 && !grow(m)) return NULL;
    return &m->entries[probe(m, address)];
}

void pki_map_fill(struct pki_map *m, struct pki_map_entry *place, uint64_t address, uint32_t slot)
{
    m->n += place->address == 0;
    *place = (struct pki_map_entry){address, slot};
}

uint32_t pki_map_find(const struct pki_map *m, uint64_t address)
{
    const struct pki_map_entry *e = &m->entries[probe(m, address)];
    return e->address ? e->slot : PKI_NO_SLOT;
}

/* Entries that would no longer be found from their home move up into the hole. */
static void close_hole(struct pki_map *m, size_t hole)
{
    for (size_t i = (hole + 1) & m->mask; m->entries[i].address; i = (i + 1) & m->mask) {
        size_t home = home_of(m, m->entries[i].address);
        if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
            m->entries[hole] = m->entries[i];
            hole = i;
        }
    }
    m->entries[hole].address = 0;
}

uint32_t pki_map_take(struct pki_map *m, uint64_t address)
{
    size_t i = probe(m, address);
    if (!m->entries[i].address) return PKI_NO_SLOT;
    uint32_t slot = m->entries[i].slot;
    close_hole(m, i);
    m->n--;
    return slot;
}
