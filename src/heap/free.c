/* SPDX-License-Identifier: MIT
 * free.c: where an address belongs, and giving a block back beyond the hot path. */
#include <errno.h>

#include "heap/heap_internal.h"
#include "slab/fault.h"

static pki_place place_of_large(pki_large *large)
{
    return (pki_place){.kind = large->cached ? PKI_PLACE_FREE : PKI_PLACE_LARGE,
                       .space = pki_chunk_of(large)->space,
                       .usable = large->cached ? 0 : large->usable,
                       .large = large};
}

static pki_place_kind kind_of_word(uint32_t word, const void *p)
{
    if (word >> 16 != 0) {
        return PKI_PLACE_CLASS;
    }
    if (word == PKI_WORD_RUN && ((uintptr_t)p & (PKI_SLAB_SIZE - 1)) == 0) {
        return PKI_PLACE_RUN;
    }
    return word == PKI_WORD_FREE || word == PKI_WORD_SPARE ? PKI_PLACE_FREE : PKI_PLACE_INSIDE;
}

static pki_place place_in_chunk(const void *p)
{
    pki_chunk *chunk = pki_chunk_of(p);
    uint32_t word = pki_word_at(p);
    pki_place place = {.kind = kind_of_word(word, p), .space = chunk->space, .word = word};
    if (place.kind == PKI_PLACE_CLASS || place.kind == PKI_PLACE_RUN) {
        place.slab = pki_slab_of(p);
        place.usable = place.slab->block_size;
    } else if (pki_word_at(chunk) == PKI_WORD_LARGE) {
        bool inside = (const char *)p < (const char *)chunk + chunk->large.mapped;
        place.kind = inside ? PKI_PLACE_INSIDE : PKI_PLACE_FOREIGN;
        place.space = inside ? place.space : NULL;
    }
    return place;
}

pki_place pki_place_of(const void *p)
{
    pki_large *large = pki_large_at(p);
    if (large != NULL) {
        return place_of_large(large);
    }
    return pki_registry_has(p) ? place_in_chunk(p) : (pki_place){.kind = PKI_PLACE_FOREIGN};
}

void pki_place_report(const pki_place *place, const void *p)
{
    /* Only the first 4 MiB of a large block are in the registry. */
    pki_space *space = place->kind == PKI_PLACE_FOREIGN ? pki_space_around(p) : place->space;
    pk_fault_kind kind = space == NULL                   ? PK_FAULT_FOREIGN
                         : place->kind == PKI_PLACE_FREE ? PK_FAULT_DOUBLE_FREE
                                                         : PK_FAULT_NOT_A_BLOCK;
    pki_fault_report(kind, space == NULL ? "process heap" : space->name, p);
}

/* A block of a class: mine but the stack is full, or another owner's, or of another heap. */
static void free_class(uint32_t word, void *p)
{
    pki_owner *target = pki_owner_by_word(word);
    pki_owner *self = target == NULL ? NULL : pki_heap_owner((pk_heap *)target->space);
    if (self == NULL) {
        pki_space_free_direct(word, p);
        return;
    }
    uint32_t class_offset = word ^ self->key;
    if (class_offset >= self->limit) {
        pki_owner_free_remote(self, word, p);
    } else if (!pki_bin_push(pki_bin_at(self, class_offset), p)) {
        pki_owner_push_full(self, class_offset / (uint32_t)sizeof(pki_bin), p);
    }
}

static void free_other(void *p)
{
    pki_place place = pki_place_of(p);
    if (place.space != NULL) {
        pki_thread_tick(place.space);
    }
    if (place.kind == PKI_PLACE_RUN) {
        pki_space_give_run(place.space, place.slab);
    } else if (place.kind == PKI_PLACE_LARGE) {
        pki_space_give_large(place.space, place.large);
    } else {
        pki_place_report(&place, p);
    }
}

PKI_NOINLINE void pki_heap_free_slow(void *p)
{
    if (p == NULL) {
        return;
    }
    int saved_errno = errno;
    if (pki_registry_has(p) && pki_word_at(p) >> 16 != 0) {
        free_class(pki_word_at(p), p);
    } else {
        free_other(p);
    }
    errno = saved_errno;
}

void pk_heap_free(void *p) { pki_free(p); }

/* The size is a hint that this mechanism does not need: the word knows the class. */
void pk_heap_free_sized(void *p, size_t n)
{
    (void)n;
    pki_free(p);
}

size_t pk_heap_usable(const void *p) { return pki_place_of(p).usable; }

pk_heap *pk_heap_of(const void *p)
{
    return (pk_heap *)pki_place_of(p).space; /* NULL for a foreign address */
}
