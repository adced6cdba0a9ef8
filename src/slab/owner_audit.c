/* SPDX-License-Identifier: MIT
 * owner_audit.c: the audit of owners, their stacks and slabs: O1–O5 (owner.h), S1–S5 (chunk.h).
 *
 * A block is in a stack once at most: the audit sets the bit of each stacked block in its slab's
 * bitmap as it goes, finds it set at the second, and clears all of them at the end. */
#include "base/bits.h"
#include "slab/report.h"

/* ---- stacks ---- */

static bool is_own_block(pki_owner *owner, unsigned bin, const void *p)
{
    return pki_registry_has(p) &&
           pki_word_at(p) == (owner->key | bin * (uint32_t)sizeof(pki_bin)) &&
           pki_slab_block_number(pki_slab_of(p), p) >= 0;
}

static pki_bits *home_of(const void *p, uint64_t *mask)
{
    const pki_slab *slab = pki_slab_of(p);
    unsigned number = (unsigned)pki_slab_block_number(slab, p);
    *mask = UINT64_C(1) << (number % 64);
    return &slab->bits[number / 64];
}

/* Marks the stack's blocks from base to where the first bad one is; returns that place. */
static void **mark_stack(pki_owner *owner, unsigned bin, void **top, pki_findings *f)
{
    for (void **slot = owner->list[bin].base; slot < top; slot++) {
        pki_expect(f, is_own_block(owner, bin, *slot), "O2: a stack holds what is no block of it",
                   slot);
        if (!is_own_block(owner, bin, *slot)) {
            return slot;
        }
        uint64_t mask;
        pki_bits *home_bits = home_of(*slot, &mask);
        uint64_t home = pki_bits_get(home_bits);
        pki_expect(f, (home & mask) == 0, "O3: a block is free twice", *slot);
        if ((home & mask) != 0) {
            return slot;
        }
        pki_bits_put(home_bits, home | mask);
        bool idle = !PKI_BLOCKS_ARE_LOOKED_AT || (pki_bits_get(pki_idle_of(home_bits)) & mask) != 0;
        pki_expect(f, idle, "O3: a stack's block looks as if the program had it", *slot);
    }
    return top;
}

static void audit_stack(pki_owner *owner, unsigned bin, pki_findings *f)
{
    const pki_bin_list *list = &owner->list[bin];
    void **top = atomic_load_explicit(&pki_bins(owner)[bin].top, memory_order_relaxed);
    if (list->base == NULL) {
        pki_expect(f, top[-1] == NULL && pki_bin_end(top) == pki_bins(owner)[bin].end,
                   "O1: a stack without slots is not empty", owner);
        return;
    }
    bool ordered = list->base <= top && top <= list->base + list->capacity &&
                   pki_bins(owner)[bin].end == pki_bin_end(list->base + list->capacity);
    pki_expect(f, list->base[-1] == NULL && ordered, "O1: a stack's bounds are wrong", owner);
    pki_expect(f, owner->thread != NULL || top == list->base, "O5: an orphan's stack is not empty",
               owner);
    if (!ordered) {
        return;
    }
    void **end = mark_stack(owner, bin, top, f);
    while (end-- > list->base) {
        uint64_t mask;
        pki_bits *home_bits = home_of(*end, &mask);
        pki_bits_put(home_bits, pki_bits_get(home_bits) & ~mask);
    }
}

/* ---- slabs ---- */

static bool is_listed(const pki_owner *owner, const pki_slab *slab)
{
    const pki_slab *s = owner->list[slab->bin].first;
    while (s != NULL && s != slab) {
        s = s->next;
    }
    return s == slab;
}

static void audit_slab(const pki_owner *owner, const pki_slab *slab, uint32_t word, pki_findings *f)
{
    unsigned bin = (word & 0xFFFF) / (unsigned)sizeof(pki_bin);
    bool fits = bin < owner->space->geometry->n && slab->bin == bin &&
                slab->block_size == owner->space->geometry->classes[bin].size &&
                slab->capacity == owner->space->geometry->classes[bin].capacity;
    pki_expect(f, fits, "S1: a slab and its word differ", slab);
    if (fits) {
        bool listed = is_listed(owner, slab);
        pki_expect(f, listed == (slab->listed != 0) && listed == pki_slab_has_room(slab),
                   "S5: a slab is on its class's list without room, or not with room", slab);
        pki_audit_slab_bits(slab, f);
    }
}

static void audit_owned_chunk(const pki_space *space, const pki_chunk *chunk, size_t *spares,
                              pki_findings *f)
{
    for (unsigned i = 1; i < PKI_SLABS; i++) {
        const pki_slab *slab = &chunk->slab[i];
        uint32_t word = pki_word_at(pki_slab_base(slab));
        *spares += word == PKI_WORD_SPARE;
        if (word >> 16 != 0) {
            const pki_owner *owner = pki_owner_by_word(word);
            bool known = owner != NULL && owner->space == space;
            pki_expect(f, known, "S1: a slab's word names no owner of this space", slab);
            if (known) {
                audit_slab(owner, slab, word, f);
            }
        }
    }
}

static size_t audit_owner(pki_owner *owner, pki_findings *f)
{
    for (unsigned i = 0; i < owner->n_spare; i++) {
        pki_expect(f, pki_word_at(pki_slab_base(owner->spare[i])) == PKI_WORD_SPARE,
                   "O4: a spare slab has another word", owner);
    }
    for (unsigned bin = 0; bin < owner->space->geometry->n; bin++) {
        audit_stack(owner, bin, f);
    }
    bool has_mail = atomic_load_explicit(&owner->mail_blocks, memory_order_relaxed) != 0;
    pki_expect(f, owner->thread != NULL || !has_mail, "O5: an orphan's outbox is not empty", owner);
    return owner->n_spare;
}

void pki_audit_owners(pki_space *space, pki_findings *f)
{
    size_t kept = 0, spares = 0;
    for (pki_owner *owner = space->owners; owner != NULL; owner = owner->next) {
        kept += audit_owner(owner, f);
    }
    for (const pki_chunk *chunk = space->all.next; chunk != NULL; chunk = chunk->all.next) {
        audit_owned_chunk(space, chunk, &spares, f);
    }
    pki_expect(f, kept == spares, "O4: spare slabs and the owners' counts differ", space);
}

size_t pki_space_audit(pki_space *space, char *text, size_t text_size)
{
    pki_findings findings = {0, text, text_size};
    pki_space_freeze(space);
    pki_audit_space(space, &findings);
    pki_audit_owners(space, &findings);
    pki_space_thaw(space);
    return findings.broken;
}
