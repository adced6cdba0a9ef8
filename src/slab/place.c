/* SPDX-License-Identifier: MIT
 * place.c: see place.h. */
#include "slab/place.h"

#include <errno.h>

#include "slab/fault.h"
#include "slab/watched.h"

static pki_place place_of_large(pki_large *large)
{
    pki_space *space = pki_chunk_of(large)->space;
    return (pki_place){.kind = large->cached ? PKI_PLACE_FREE : PKI_PLACE_LARGE,
                       .space = space,
                       .usable = large->cached ? 0 : pki_space_usable_pages(space, large->usable),
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
        size_t room = place.slab->block_size;
        place.usable = place.kind == PKI_PLACE_RUN ? pki_space_usable_pages(chunk->space, room)
                                                   : pki_space_usable(chunk->space, room);
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

bool pki_place_is_live(pki_place *place, const void *p, pki_space_kind kind)
{
    if (place->kind == PKI_PLACE_CLASS && !pki_owner_is_block(place->word, p)) {
        place->kind = PKI_PLACE_INSIDE;
    }
    return place->space != NULL && place->space->kind == kind &&
           (place->kind == PKI_PLACE_CLASS || place->kind == PKI_PLACE_RUN ||
            place->kind == PKI_PLACE_LARGE);
}

static const char *general_name(pki_space_kind kind)
{
    return kind == PKI_SPACE_OF_HEAP ? "process heap" : "shared pool";
}

void pki_place_report(const pki_place *place, const void *p, pki_space_kind kind)
{
    /* Only the first 4 MiB of a large block are in the registry. */
    pki_space *space = place->kind == PKI_PLACE_FOREIGN ? pki_space_around(p) : place->space;
    if (space == NULL) {
        pki_fault_report(PK_FAULT_FOREIGN, general_name(kind), p);
    } else if (space->kind != kind) {
        pki_fault_tell(&(pki_fault){.kind = PK_FAULT_OTHER_POOL,
                                    .pool_name = general_name(kind),
                                    .ptr = p,
                                    .other = space->name});
    } else {
        pki_fault_report(place->kind == PKI_PLACE_FREE ? PK_FAULT_DOUBLE_FREE
                                                       : PK_FAULT_NOT_A_BLOCK,
                         space->name, p);
    }
}

/* A block of a class: mine but the stack does not take it, or another owner's, or of another space. */
static void free_class(uint32_t word, void *p, pki_owner *self)
{
    if (self == NULL) {
        pki_space_free_direct(word, p);
        return;
    }
    uint32_t class_offset = word ^ self->key;
    if (class_offset >= self->limit) {
        pki_owner_free_remote(self, word, p);
    } else if (!pki_bin_push(pki_bin_at(self, class_offset), p)) {
        pki_owner_push_slow(self, class_offset / (uint32_t)sizeof(pki_bin), p);
    }
}

static void free_other(pki_place *place, void *p, pki_space_kind kind)
{
    pki_space *space = place->space;
    if (space != NULL && space->kind == kind) {
        pki_thread_tick(space);
        if (place->kind == PKI_PLACE_RUN) {
            pki_space_give_run(space, place->slab);
            pki_space_uncharge_blocks(space, 1);
            return;
        }
        if (place->kind == PKI_PLACE_LARGE) {
            pki_space_give_large(space, place->large);
            pki_space_uncharge_blocks(space, 1);
            return;
        }
    }
    pki_place_report(place, p, kind);
}

void pki_place_free(void *p, pki_space_kind kind, pki_owner *(*owner_of)(pki_space *space))
{
    int saved_errno = errno;
    uint32_t word = pki_registry_has(p) ? pki_word_at(p) : 0;
    pki_owner *target = word >> 16 == 0 ? NULL : pki_owner_by_word(word);
    if (target != NULL && target->space->kind == kind) {
        free_class(word, p, owner_of(target->space));
    } else {
        pki_place place = pki_place_of(p);
        free_other(&place, p, kind);
    }
    errno = saved_errno;
}
