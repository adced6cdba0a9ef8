/* SPDX-License-Identifier: MIT
 * arena_life.c: how an arena begins, and its last step. Arenas that live for five allocations are
 * common: what the defaults leave at zero is set by one fill, and options are read where they are. */
#include <stdatomic.h>
#include <string.h>

#include "base/opts.h"
#include "pool/arena_internal.h"
#include "slab/settings.h"

enum {
    EXT_SIZE = (sizeof(pk_arena_ext) + PK_ALIGN - 1) / PK_ALIGN * PK_ALIGN,
    LEAST_CHUNK = PKI_CHUNK_HEAD + EXT_SIZE + PK_ALIGN
};

/* Numbers each life, in steps that leave room for its resets. */
static uint64_t new_generation(void)
{
    static _Atomic uint64_t lives;
    return (atomic_fetch_add_explicit(&lives, 1, memory_order_relaxed) + 1) << 32;
}

/* The ext takes the first place in the base chunk; what options say is set by the caller. */
static inline pk_arena_ext *place_ext(pk_arena *arena, pk_arena_chunk *base)
{
    pk_arena_ext *ext = (pk_arena_ext *)(void *)base->begin;
    base->begin += EXT_SIZE;
    base->left_at = base->touched = base->begin;
    *ext = (pk_arena_ext){.committed = base->size,
                          .committed_peak = base->size,
                          .n_chunks = 1,
                          .generation = new_generation(),
                          .base = base};
    ext->first_generation = ext->generation;
    ext->clock = arena->defers != NULL ? arena->defers->moment : 0;
    arena->chunk = base;
    arena->ext = ext;
    return ext;
}

static inline void start(pk_arena *arena, bool locked)
{
    pk_arena_ext *ext = arena->ext;
    ext->locked = locked;
    /* Asking the settings makes their reader part of a program that is linked statically. */
    ext->watched = pki_settings.checkers && pki_watched();
    ext->slow = locked || ext->watched;
    *pki_arena_cursor(arena) = (pki_cursor){ext->base->begin, pki_chunk_end(ext->base)};
    pki_chunk_hide(ext, ext->base);
}

pk_status pki_arena_open_defaults(pk_arena *arena)
{
    pk_arena_chunk *base = pki_chunk_map((pk_page_source){NULL, NULL}, PKI_ARENA_FIRST);
    if (base == NULL) {
        return PK_ENOMEM;
    }
    pk_arena_ext *ext = place_ext(arena, base);
    ext->name = "arena";
    ext->next_size = (size_t)PKI_ARENA_FIRST * 2;
    ext->max_chunk = PKI_ARENA_MAX_CHUNK;
    ext->limit = SIZE_MAX;
    start(arena, false);
    return PK_OK;
}

/* ---- options ---- */

/* The options' sizes, with the defaults filled in. */
typedef struct {
    size_t first;
    size_t max_chunk;
    size_t limit;
} plan;

static inline plan plan_of(const pk_arena_opts *opts)
{
    size_t first = opts->first == 0 ? PKI_ARENA_FIRST : opts->first;
    plan p = {.first = pki_max(first, LEAST_CHUNK), .max_chunk = opts->max_chunk};
    p.max_chunk = p.max_chunk == 0 ? pki_max(PKI_ARENA_MAX_CHUNK, first) : p.max_chunk;
    p.limit = opts->limit == 0 ? SIZE_MAX : opts->limit;
    return p;
}

static inline bool is_possible(const plan *p)
{
    return p->max_chunk >= p->first && p->limit >= LEAST_CHUNK && p->max_chunk <= PTRDIFF_MAX;
}

static inline pk_arena_chunk *borrow_buffer(const pk_arena_opts *opts, size_t limit)
{
    uintptr_t begin = pki_align_up((uintptr_t)opts->buffer, PK_ALIGN);
    size_t skip = begin - (uintptr_t)opts->buffer;
    if (opts->buffer == NULL || opts->buffer_size < skip + LEAST_CHUNK) {
        return NULL;
    }
    size_t size = pki_align_down(opts->buffer_size - skip, PK_ALIGN);
    return pki_chunk_format((void *)begin, pki_min(size, limit), false, true);
}

static void adopt_child(pk_arena *parent, pk_arena *child)
{
    pki_arena_lock(parent);
    child->ext->parent = parent;
    child->ext->born = ++parent->ext->clock;
    child->ext->next_sibling = parent->ext->children;
    parent->ext->children = child;
    pki_arena_unlock(parent);
}

static pk_status open_with(pk_arena *arena, const pk_arena_opts *opts)
{
    plan p = plan_of(opts);
    if (!is_possible(&p)) {
        return PK_EINVAL;
    }
    if (opts->parent != NULL && pki_arena_open(opts->parent) != PK_OK) {
        return PK_ENOMEM;
    }
    pk_arena_chunk *base = borrow_buffer(opts, p.limit);
    if (base == NULL && (base = pki_chunk_map(opts->source, pki_min(p.first, p.limit))) == NULL) {
        return PK_ENOMEM;
    }
    pk_arena_ext *ext = place_ext(arena, base);
    ext->name = opts->name == NULL ? "arena" : opts->name;
    ext->source = opts->source;
    ext->on_oom = opts->on_oom;
    ext->oom_arg = opts->oom_arg;
    ext->next_size = base->borrowed ? p.first : pki_min(p.first * 2, p.max_chunk);
    ext->max_chunk = p.max_chunk;
    ext->limit = p.limit;
    ext->retain = opts->retain;
    start(arena, opts->locked);
    if (opts->parent != NULL) {
        adopt_child(opts->parent, arena);
    }
    return PK_OK;
}

/* Nothing but `size` is set. */
static bool are_defaults(const pk_arena_opts *opts)
{
    static const pk_arena_opts defaults;
    size_t from = offsetof(pk_arena_opts, name);
    return opts->buffer == NULL && memcmp((const char *)opts + from,
                                          (const char *)&defaults + from, sizeof *opts - from) == 0;
}

static PKI_NOINLINE pk_status init_from_other_version(pk_arena *arena, const pk_arena_opts *opts)
{
    pk_arena_opts full;
    if (!pki_take_options(&full, sizeof full, opts)) {
        return PK_EINVAL;
    }
    return are_defaults(&full) ? PK_OK : open_with(arena, &full);
}

pk_status pk_arena_init(pk_arena *arena, const pk_arena_opts *opts)
{
    if (arena == NULL) {
        return PK_EINVAL;
    }
    *arena = (pk_arena){0};
    if (opts == NULL) {
        return PK_OK;
    }
    if (opts->size != 0 && opts->size != sizeof *opts) {
        return init_from_other_version(arena, opts);
    }
    return are_defaults(opts) ? PK_OK : open_with(arena, opts);
}

/* ---- the end ---- */

void pki_arena_close_base(pk_arena *arena)
{
    pki_chunk_release(arena->ext, arena->ext->base);
    *arena = (pk_arena){0};
}
