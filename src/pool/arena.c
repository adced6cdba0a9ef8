/* SPDX-License-Identifier: MIT
 * arena.c: an arena's chunks: growth, allocation beyond the inline path, giving chunks up. How it
 * begins and ends is in arena_life.c; marks, clean-ups and children are in arena_scope.c, strings
 * in arena_text.c. */
#include <string.h>

#include "os/error.h"
#include "pool/arena_internal.h"

/* ---- chunks ---- */

static void count_chunk(pk_arena_ext *ext, const pk_arena_chunk *chunk)
{
    ext->committed += chunk->size;
    ext->committed_peak = pki_max(ext->committed_peak, ext->committed);
    ext->n_chunks++;
}

void pki_chunk_release(pk_arena_ext *ext, pk_arena_chunk *chunk)
{
    ext->committed -= chunk->size;
    ext->n_chunks--;
    pki_chunk_show(ext, chunk);
    if (!chunk->borrowed) {
        pk_page_source source = pki_arena_source(ext); /* the ext may lie in the chunk */
        pki_source_unmap(source, chunk, chunk->size);
    }
}

/* ---- growth ---- */

/* A spare chunk with room for `need` bytes behind its head: the largest, if it has. */
static pk_arena_chunk *take_spare(pk_arena_ext *ext, size_t need)
{
    pk_arena_chunk *chunk = ext->spare;
    if (chunk == NULL || (size_t)(pki_chunk_end(chunk) - chunk->begin) < need) {
        return NULL;
    }
    ext->spare = chunk->prev;
    return chunk;
}

/* The smallest spare chunk of at least `size` bytes, if it is not twice as large. */
static pk_arena_chunk *take_fitting_spare(pk_arena_ext *ext, size_t size)
{
    pk_arena_chunk **best = NULL;
    for (pk_arena_chunk **at = &ext->spare; *at != NULL && (*at)->size >= size; at = &(*at)->prev) {
        best = at;
    }
    if (best == NULL || (*best)->size / 2 > size) {
        return NULL;
    }
    pk_arena_chunk *chunk = *best;
    char *end = pki_chunk_end(chunk);
    if ((size_t)(end - chunk->begin) < size - PKI_CHUNK_HEAD) {
        return NULL;
    }
    *best = chunk->prev;
    return chunk;
}

static void release_spares(pk_arena_ext *ext)
{
    while (ext->spare != NULL) {
        pk_arena_chunk *chunk = ext->spare;
        ext->spare = chunk->prev;
        pki_chunk_release(ext, chunk);
    }
}

/* Maps `wanted` bytes, or less down to `least` where the limit or the source has no more. */
static pk_arena_chunk *map_within_limit(pk_arena_ext *ext, size_t wanted, size_t least,
                                        pk_status *why)
{
    size_t left = ext->limit - ext->committed;
    if (least > left && ext->spare != NULL) {
        release_spares(ext);
        left = ext->limit - ext->committed;
    }
    if (least > left) {
        *why = PK_ELIMIT;
        return NULL;
    }
    pk_arena_chunk *chunk = pki_chunk_map(pki_arena_source(ext), pki_min(wanted, left));
    if (chunk == NULL && least < wanted) {
        chunk = pki_chunk_map(pki_arena_source(ext), pki_min(pki_align_up(least, 4096), left));
    }
    if (chunk == NULL) {
        *why = PK_ENOMEM;
        return NULL;
    }
    count_chunk(ext, chunk);
    pki_chunk_hide(ext, chunk);
    return chunk;
}

/* Behind the newest chunk, for one block only: the newest one stays in use. */
static void *add_own_chunk(pk_arena *arena, size_t need, size_t align, pk_status *why)
{
    size_t size = PKI_CHUNK_HEAD + need;
    pk_arena_chunk *chunk = take_fitting_spare(arena->ext, size);
    if (chunk == NULL) {
        chunk = map_within_limit(arena->ext, size, size, why);
        if (chunk == NULL) {
            return NULL;
        }
    }
    chunk->moment = ++arena->ext->clock;
    chunk->left_at = pki_chunk_end(chunk);
    chunk->prev = arena->chunk->prev;
    arena->chunk->prev = chunk;
    return (void *)pki_align_up((uintptr_t)chunk->begin, align);
}

static bool add_chunk(pk_arena *arena, size_t need, pk_status *why)
{
    pk_arena_ext *ext = arena->ext;
    pki_cursor *cursor = pki_arena_cursor(arena);
    pk_arena_chunk *chunk = take_spare(ext, need);
    if (chunk == NULL) {
        chunk = map_within_limit(ext, ext->next_size, PKI_CHUNK_HEAD + need, why);
        if (chunk == NULL) {
            return false;
        }
        ext->next_size = pki_min(ext->next_size * 2, ext->max_chunk);
    }
    arena->chunk->left_at = cursor->ptr;
    chunk->moment = ++ext->clock;
    chunk->prev = arena->chunk;
    arena->chunk = chunk;
    *cursor = (pki_cursor){chunk->begin, pki_chunk_end(chunk)};
    return true;
}

/* ---- allocation ---- */

/* From the current chunk, NULL if it does not fit. `n` is a multiple of 16, not 0. */
static void *bump(pki_cursor *cursor, size_t n, size_t align)
{
    uintptr_t p = (uintptr_t)cursor->ptr;
    size_t skip = pki_align_up(p, align) - p;
    size_t room = (size_t)(cursor->end - cursor->ptr);
    if (skip > room || n > room - skip) {
        return NULL;
    }
    char *block = cursor->ptr + skip;
    cursor->ptr = block + n;
    return block;
}

/* With `need` bytes any place in a new chunk suffices, whatever the alignment. A quarter of a chunk
 * is the most that may be left unused at the end of one: larger blocks get their own. */
static void *take_from_new(pk_arena *arena, size_t n, size_t align, pk_status *why)
{
    size_t need = n + (align > PK_ALIGN ? align : 0);
    if (need > arena->ext->next_size / 4 &&
        (arena->ext->spare == NULL || need > arena->ext->spare->size / 4)) {
        return add_own_chunk(arena, need, align, why);
    }
    return add_chunk(arena, need, why) ? bump(pki_arena_cursor(arena), n, align) : NULL;
}

void *pki_arena_take(pk_arena *arena, size_t n, size_t align, pk_status *why)
{
    size_t whole = pki_arena_rounded(arena, n);
    void *p = bump(pki_arena_cursor(arena), whole, align);
    if (pki_unlikely(p == NULL)) {
        p = take_from_new(arena, whole, align, why);
    }
    if (pki_unlikely(arena->ext->watched) && p != NULL) {
        pki_watch_show(p, pki_max(n, 1), false);
    }
    return p;
}

static void *take_or_ask(pk_arena *arena, size_t n, size_t align)
{
    pk_status why;
    for (;;) {
        pki_arena_lock(arena);
        void *p = pki_arena_take(arena, n, align, &why);
        pki_arena_unlock(arena);
        pk_arena_ext *ext = arena->ext;
        if (p != NULL || ext->on_oom == NULL || !ext->on_oom(ext->oom_arg, n, why)) {
            return p;
        }
    }
}

void *pki_arena_alloc_anywhere(pk_arena *arena, size_t n, size_t align)
{
    size_t largest = (size_t)PTRDIFF_MAX - PKI_CHUNK_HEAD - PK_ALIGN - PKI_WATCH_GAP;
    void *p = NULL;
    if (align <= largest && n <= largest - align && pki_arena_open(arena) == PK_OK) {
        p = take_or_ask(arena, n, align);
    }
    return pki_likely(p != NULL) ? p : pki_os_fail(PK_ENOMEM);
}

void *pk_arena_alloc_aligned(pk_arena *arena, size_t n, size_t align)
{
    if (!pki_is_power_of_two(align)) {
        return pki_os_fail(PK_EINVAL);
    }
    return align <= PK_ALIGN ? pk_arena_alloc(arena, n) : pk_arena_alloc_slow(arena, n, align);
}

static bool is_fresh_in(const pk_arena_chunk *chunk, const char *p)
{
    return chunk != NULL && chunk->zero && p >= chunk->touched && p < pki_chunk_end(chunk);
}

/* Was the newest block's place never handed out since its chunk came zero from the source? It lies in
 * the newest chunk, or in one of its own right behind. */
static bool is_known_zero(const pk_arena *arena, const char *p)
{
    return !arena->ext->slow &&
           (is_fresh_in(arena->chunk, p) || is_fresh_in(arena->chunk->prev, p));
}

void *pk_arena_zalloc(pk_arena *arena, size_t n)
{
    void *p = pk_arena_alloc(arena, n);
    if (p != NULL && !is_known_zero(arena, p)) {
        memset(p, 0, n);
    }
    return p;
}

void *pk_arena_array(pk_arena *arena, size_t count, size_t elem, size_t align)
{
    size_t n;
    if (!pki_multiply(count, elem, &n)) {
        return pki_os_fail(PK_ENOMEM);
    }
    return pk_arena_alloc_aligned(arena, n, align);
}

/* ---- giving up ---- */

/* What was used up to now decides what is kept: at once when it grows, an eighth of the way when it
 * shrinks, so that one small round does not cost the next large one its memory. */
static void learn_use(pk_arena_ext *ext)
{
    size_t used = ext->committed;
    for (const pk_arena_chunk *chunk = ext->spare; chunk != NULL; chunk = chunk->prev) {
        used -= chunk->size;
    }
    ext->recent = used > ext->recent ? used : ext->recent - (ext->recent - used + 7) / 8;
}

static size_t retained_bytes(const pk_arena_ext *ext)
{
    return ext->retain != 0 ? ext->retain : ext->recent;
}

/* Keeps the chunk for later if the retained size allows it, largest first. */
static void keep_or_release(pk_arena_ext *ext, pk_arena_chunk *chunk)
{
    if (chunk->size > ext->max_chunk) {
        pki_chunk_release(ext, chunk);
        return;
    }
    pk_arena_chunk **place = &ext->spare;
    while (*place != NULL && (*place)->size > chunk->size) {
        place = &(*place)->prev;
    }
    chunk->prev = *place;
    chunk->left_at = chunk->begin;
    chunk->touched = pki_chunk_end(chunk);
    *place = chunk;
    pki_chunk_hide(ext, chunk);
}

/* Unlinks what is newer than the moment, from `chunk` on the newest that stays. */
static pk_arena_chunk *unlink_newer(pk_arena *arena, pk_arena_chunk *chunk, uint64_t moment)
{
    pk_arena_chunk *dropped = NULL;
    for (;;) {
        pk_arena_chunk **from = arena->chunk != chunk ? &arena->chunk : &chunk->prev;
        pk_arena_chunk *newer = *from;
        if (newer == NULL || (from == &chunk->prev && newer->moment <= moment)) {
            return dropped;
        }
        *from = newer->prev;
        newer->prev = dropped;
        dropped = newer;
    }
}

/* Gives spare chunks back, the smallest first. What is learnt is a lower bound: no chunk is given back
 * that would leave less. The option `retain` is an upper one. */
static void trim_spares(pk_arena_ext *ext)
{
    for (;;) {
        pk_arena_chunk **last = &ext->spare;
        while (*last != NULL && (*last)->prev != NULL) {
            last = &(*last)->prev;
        }
        pk_arena_chunk *smallest = *last;
        size_t slack = smallest != NULL && ext->retain == 0 ? smallest->size - 1 : 0;
        if (smallest == NULL || ext->committed - slack <= retained_bytes(ext)) {
            return;
        }
        *last = NULL;
        pki_chunk_release(ext, smallest);
    }
}

void pki_arena_drop_after(pk_arena *arena, pk_arena_chunk *chunk, char *ptr, uint64_t moment)
{
    pki_cursor *cursor = pki_arena_cursor(arena);
    learn_use(arena->ext);
    arena->chunk->left_at = cursor->ptr;
    pk_arena_chunk *dropped = unlink_newer(arena, chunk, moment);
    chunk->touched = chunk->left_at > chunk->touched ? chunk->left_at : chunk->touched;
    if (pki_unlikely(arena->ext->watched)) {
        pki_watch_hide(ptr, (size_t)(chunk->left_at - ptr));
    }
    *cursor = (pki_cursor){ptr, pki_chunk_end(chunk)};
    while (dropped != NULL) {
        pk_arena_chunk *next = dropped->prev;
        keep_or_release(arena->ext, dropped);
        dropped = next;
    }
    trim_spares(arena->ext);
}

void pki_arena_empty(pk_arena *arena)
{
    pk_arena_ext *ext = arena->ext;
    pki_arena_drop_after(arena, ext->base, ext->base->begin, 0);
}

void pki_arena_close(pk_arena *arena)
{
    pki_named_remove(&arena->ext->named);
    pki_arena_empty(arena);
    release_spares(arena->ext);
    pki_chunk_release(arena->ext, arena->chunk);
    *arena = (pk_arena){0};
}
