/* SPDX-License-Identifier: MIT
 * arena_alloc.c: an arena seen as an allocator. */
#include "pool/arena_internal.h"

static void *alloc_in_arena(void *ctx, size_t n, size_t align)
{
    return pk_arena_alloc_aligned(ctx, n, align);
}

static bool resize_in_arena(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    (void)align;
    return pk_arena_resize(ctx, p, old_n, new_n);
}

/* The newest block ends at ptr, and no other one does: ptr goes back to its begin. pk_arena_resize
 * would leave 16 bytes of it, and a program that allocates and frees in turn would fill the arena.
 * Other blocks stay till the arena forgets them. */
static void release_in_arena(void *ctx, void *p, size_t n, size_t align)
{
    (void)align;
    pk_arena *arena = ctx;
    pki_arena_lock(arena);
    pki_cursor *cursor = pki_arena_cursor(arena);
    char *end = (char *)p + pki_arena_rounded(arena, n);
    if (end == cursor->ptr) {
        pk_arena_chunk *chunk = arena->chunk;
        chunk->touched = chunk->touched > end ? chunk->touched : end; /* no longer zero */
        cursor->ptr = p;
    }
    if (pki_unlikely(arena->ext->watched)) {
        pki_watch_hide(p, pki_max(n, 1));
    }
    pki_arena_unlock(arena);
}

/* Without a remap of its own: pk_remap resizes the newest block or copies. */
pk_allocator pk_arena_as_alloc(pk_arena *arena)
{
    static const pk_allocator_ops ops = {.size = sizeof ops,
                                         .alloc = alloc_in_arena,
                                         .resize = resize_in_arena,
                                         .free = release_in_arena};
    return (pk_allocator){&ops, arena};
}
