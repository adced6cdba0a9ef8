/* SPDX-License-Identifier: MIT
 * arena_audit.c: the invariants A1–A6 of arena_internal.h, one function each. */
#include "pool/arena_internal.h"

static bool cursor_in_newest(pk_arena *arena)
{
    const pki_cursor *c = pki_arena_cursor(arena);
    const pk_arena_chunk *chunk = arena->chunk;
    bool in_order = chunk->begin <= c->ptr && c->ptr <= c->end && c->end == pki_chunk_end(chunk);
    bool inline_off = !arena->ext->slow || arena->ptr == arena->end;
    return in_order && inline_off && ((uintptr_t)c->ptr | (uintptr_t)c->end) % PK_ALIGN == 0;
}

static bool chain_ends_with_base(const pk_arena *arena)
{
    const pk_arena_chunk *chunk = arena->chunk;
    while (chunk != NULL && chunk != arena->ext->base) {
        chunk = chunk->prev;
    }
    if (chunk == NULL) {
        return false;
    }
    for (const pk_arena_chunk *own = chunk->prev; own != NULL; own = own->prev) {
        if (own->left_at != pki_chunk_end(own)) {
            return false;
        }
    }
    const char *ext = (const char *)arena->ext;
    return ext > (const char *)chunk && ext < chunk->begin;
}

static bool sizes_add_up(const pk_arena *arena)
{
    size_t sum = 0, n = 0;
    for (const pk_arena_chunk *c = arena->chunk; c != NULL; c = c->prev, n++) {
        sum += c->size;
    }
    for (const pk_arena_chunk *c = arena->ext->spare; c != NULL; c = c->prev, n++) {
        sum += c->size;
    }
    return sum == arena->ext->committed && n == arena->ext->n_chunks && sum <= arena->ext->limit;
}

static bool moments_fall(const pk_arena *arena)
{
    uint64_t last = arena->ext->clock;
    for (const pk_defer_node *node = arena->defers; node != NULL; node = node->next) {
        if (node->moment > last) {
            return false;
        }
        last = node->moment;
    }
    return true;
}

static bool spares_sorted(const pk_arena *arena)
{
    for (const pk_arena_chunk *c = arena->ext->spare; c != NULL && c->prev != NULL; c = c->prev) {
        if (c->size < c->prev->size) {
            return false;
        }
    }
    return true;
}

static bool children_name_parent(pk_arena *arena)
{
    for (pk_arena *child = arena->ext->children; child != NULL; child = child->ext->next_sibling) {
        if (child->ext == NULL || child->ext->parent != arena) {
            return false;
        }
    }
    return true;
}

size_t pki_arena_audit(pk_arena *arena, const char **first)
{
    if (arena->ext == NULL) {
        return 0;
    }
    const struct {
        bool holds;
        const char *text;
    } facts[] = {
        {cursor_in_newest(arena), "A1: the pointer is not in the newest chunk"},
        {chain_ends_with_base(arena), "A2: the chain does not end with the base chunk"},
        {sizes_add_up(arena), "A3: the chunks' sizes do not add up"},
        {moments_fall(arena), "A4: the clean-ups are out of order"},
        {spares_sorted(arena), "A5: the spare chunks are out of order"},
        {children_name_parent(arena), "A6: a child names another parent"},
    };
    size_t broken = 0;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (!facts[i].holds && broken++ == 0 && first != NULL) {
            *first = facts[i].text;
        }
    }
    return broken;
}
