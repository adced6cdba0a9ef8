/* SPDX-License-Identifier: MIT
 * arena_text.c: resizing the newest block, copies and formatted text. */
#include <stdio.h>
#include <string.h>

#include "os/error.h"
#include "pool/arena_internal.h"

/* ---- the newest block ---- */

/* Moves ptr from the end of the newest block to its new end. */
static bool resize_newest(pk_arena *arena, char *p, size_t old_n, size_t new_n)
{
    pki_cursor *cursor = pki_arena_cursor(arena);
    if (p + pki_arena_rounded(arena, old_n) != cursor->ptr || new_n > (size_t)(cursor->end - p) ||
        pki_arena_rounded(arena, new_n) > (size_t)(cursor->end - p)) {
        return false;
    }
    char *end = p + pki_arena_rounded(arena, new_n);
    pk_arena_chunk *chunk = arena->chunk;
    if (end < cursor->ptr && chunk->touched < cursor->ptr) {
        chunk->touched = cursor->ptr; /* given back, and no longer zero */
    }
    cursor->ptr = end;
    return true;
}

/* The block now has new_n bytes; as far as they were there before, they stay as they are. */
static void watch_resized(char *p, size_t old_n, size_t new_n)
{
    old_n = pki_max(old_n, 1);
    new_n = pki_max(new_n, 1);
    if (new_n > old_n) {
        pki_watch_show(p + old_n, new_n - old_n, false);
    } else {
        pki_watch_hide(p + new_n, pki_align_up(old_n, PK_ALIGN) - new_n);
    }
}

bool pk_arena_resize(pk_arena *arena, void *p, size_t old_n, size_t new_n)
{
    if (p == NULL || arena->ext == NULL || old_n > PTRDIFF_MAX) {
        return false;
    }
    pki_arena_lock(arena);
    bool resized =
        resize_newest(arena, p, old_n, new_n) || new_n <= pki_align_up(pki_max(old_n, 1), PK_ALIGN);
    if (pki_unlikely(arena->ext->watched) && resized) {
        watch_resized(p, old_n, new_n);
    }
    pki_arena_unlock(arena);
    return resized;
}

void *pk_arena_realloc(pk_arena *arena, void *p, size_t old_n, size_t new_n)
{
    if (p == NULL) {
        return pk_arena_alloc(arena, new_n);
    }
    if (pk_arena_resize(arena, p, old_n, new_n)) {
        return p;
    }
    void *to = pk_arena_alloc(arena, new_n);
    if (to != NULL) {
        memcpy(to, p, pki_min(old_n, new_n));
    }
    return to;
}

/* ---- copies ---- */

void *pk_arena_memdup(pk_arena *arena, const void *p, size_t n)
{
    void *to = pk_arena_alloc(arena, n);
    if (to != NULL && n > 0) {
        memcpy(to, p, n);
    }
    return to;
}

char *pk_arena_strdup(pk_arena *arena, const char *s)
{
    return pk_arena_memdup(arena, s, strlen(s) + 1);
}

char *pk_arena_strndup(pk_arena *arena, const char *s, size_t max)
{
    size_t n = strnlen(s, max);
    if (n == SIZE_MAX) {
        return pki_os_fail(PK_ENOMEM);
    }
    char *to = pk_arena_alloc(arena, n + 1);
    if (to != NULL) {
        memcpy(to, s, n);
        to[n] = '\0';
    }
    return to;
}

/* ---- formatted text ---- */

char *pk_arena_printf(pk_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = pk_arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

/* Into the free end of the chunk; *n is the length it has, or would have. NULL: it did not fit. What a
 * checker hides is not written to: then nothing fits. */
PK_ATTR_PRINTF(2, 0)
static char *format_at_end(pk_arena *arena, const char *format, va_list args, int *n)
{
    pki_cursor *cursor = pki_arena_cursor(arena);
    size_t room = arena->ext->watched ? 0 : (size_t)(cursor->end - cursor->ptr);
    *n = vsnprintf(room == 0 ? NULL : cursor->ptr, room, format, args);
    if (*n < 0) {
        arena->chunk->touched = cursor->end; /* it may have written before it gave up */
        return NULL;
    }
    char *text = cursor->ptr;
    bool fits = (size_t)*n < room;
    char *written = fits ? text + pki_arena_rounded(arena, (size_t)*n + 1) : cursor->end;
    pk_arena_chunk *chunk = arena->chunk;
    chunk->touched = chunk->touched > written ? chunk->touched : written;
    cursor->ptr = fits ? written : text;
    return fits ? text : NULL;
}

char *pk_arena_vprintf(pk_arena *arena, const char *format, va_list args)
{
    if (pki_arena_open(arena) != PK_OK) {
        return pki_os_fail(PK_ENOMEM);
    }
    va_list again;
    va_copy(again, args);
    int n;
    pki_arena_lock(arena);
    char *text = format_at_end(arena, format, args, &n);
    pki_arena_unlock(arena);
    if (text == NULL && n >= 0 && (text = pk_arena_alloc(arena, (size_t)n + 1)) != NULL) {
        vsnprintf(text, (size_t)n + 1, format, again);
    }
    va_end(again);
    return text;
}
