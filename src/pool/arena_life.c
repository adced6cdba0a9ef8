/* SPDX-License-Identifier: MIT
 * arena_life.c: how an arena begins. Arenas that live for five allocations are common: here is most of
 * what they cost, so only what is looked at is set, and options are read where they are. */
#include <stdatomic.h>
#include <string.h>

#include "base/opts.h"
#include "pool/arena_internal.h"

enum {
    EXT_SIZE = (sizeof(pk_arena_ext) + PKI_ARENA_EDGE + PK_ALIGN - 1) / PK_ALIGN * PK_ALIGN,
    LEAST_CHUNK = PKI_CHUNK_HEAD + EXT_SIZE + PK_ALIGN
};

/* Numbers each life, in steps that leave room for its resets. */
static uint64_t new_generation(void)
{
    static _Atomic uint64_t lives;
    return (atomic_fetch_add_explicit(&lives, 1, memory_order_relaxed) + 1) << 32;
}

/* The ext takes the first place in the base chunk. What options say is set by the caller; each field
 * by itself, which is less than to fill all with zeros. */
static inline pk_arena_ext *place_ext(pk_arena *arena, pk_arena_chunk *base)
{
    pk_arena_ext *ext = (pk_arena_ext *)(void *)((char *)base + PKI_CHUNK_HEAD);
    ext->recent = 0;
    ext->rewound_to = 0;
    ext->rewound_at = 0;
    ext->spare = NULL;
    ext->parent = NULL;
    ext->children = NULL;
    ext->named.pool = NULL;
    ext->clock = pki_unlikely(arena->defers != NULL) ? arena->defers->moment : 0;
    ext->n_chunks = 1;
    ext->base = base;
    ext->committed = base->size;
    ext->committed_peak = base->size;
    ext->first_generation = ext->generation = new_generation();
    arena->chunk = base;
    arena->ext = ext;
    return ext;
}

/* Set when an arena was opened that no checker looked at. */
static _Atomic bool unwatched;

static PKI_NOINLINE bool find_watcher(void)
{
    bool watched = pki_watched();
    atomic_store_explicit(&unwatched, !watched, memory_order_relaxed);
    return watched;
}

static PKI_NOINLINE void start_slow(pk_arena *arena, char *begin, char *end)
{
    pk_arena_ext *ext = arena->ext;
    ext->lock = (pki_lock){0};
    ext->cursor = (pki_cursor){begin, end};
    pki_chunk_hide(ext, ext->base);
}

static inline void start_arena(pk_arena *arena, bool locked, bool watched, char *begin, char *end)
{
    pk_arena_ext *ext = arena->ext;
    ext->watched = watched;
    ext->locked = locked;
    ext->slow = locked || watched;
    if (pki_unlikely(ext->slow)) {
        start_slow(arena, begin, end);
    } else {
        arena->ptr = begin;
        arena->end = end;
    }
}

/* With default options and no checker, in a chunk that was just formatted with room for the ext. */
static inline void open_plainly(pk_arena *arena, pk_arena_chunk *base, const char *name,
                                size_t next_size)
{
    pk_arena_ext *ext = place_ext(arena, base);
    ext->name = name;
    ext->source_ops = NULL;
    ext->on_oom = NULL;
    ext->retain = 0;
    ext->next_size = next_size;
    ext->max_chunk = PKI_ARENA_MAX_CHUNK;
    ext->limit = SIZE_MAX;
}

pk_status pki_arena_open_defaults(pk_arena *arena)
{
    unsigned got;
    char *memory = pki_pages_map(NULL, PKI_ARENA_FIRST, PK_ALIGN, &got);
    if (memory == NULL) {
        return PK_ENOMEM;
    }
    bool zero = (got & PK_PAGES_ZERO) != 0;
    pk_arena_chunk *base = pki_chunk_format(memory, PKI_ARENA_FIRST, EXT_SIZE, zero, false);
    open_plainly(arena, base, "arena", (size_t)PKI_ARENA_FIRST * 2);
    start_arena(arena, false, find_watcher(), base->begin, memory + PKI_ARENA_FIRST);
    return PK_OK;
}

/* The first block of a small arena, whose chunk is at hand: without a call. */
void *pk_arena_alloc_slow(pk_arena *arena, size_t n, size_t align)
{
    bool is_first = arena->ext == NULL && n - 1 < PKI_ARENA_FIRST / 4 && align <= PK_ALIGN;
    char *memory;
    if (pki_unlikely(!is_first || !atomic_load_explicit(&unwatched, memory_order_relaxed) ||
                     (memory = pki_pages_take_smallest()) == NULL)) {
        return pki_arena_alloc_anywhere(arena, n, align);
    }
    char *p = memory + PKI_CHUNK_HEAD + EXT_SIZE;
    pk_arena_chunk *base = pki_chunk_format(memory, PKI_ARENA_FIRST, EXT_SIZE, false, false);
    open_plainly(arena, base, "arena", (size_t)PKI_ARENA_FIRST * 2);
    start_arena(arena, false, false, p + pki_align_up(n, PK_ALIGN), memory + PKI_ARENA_FIRST);
    return p;
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
    return pki_chunk_format((void *)begin, pki_min(size, limit), EXT_SIZE, false, true);
}

static PKI_NOINLINE pk_arena_chunk *map_base(pk_page_source source, size_t size)
{
    pk_arena_chunk *base = pki_chunk_map(source, size);
    return base == NULL ? NULL : pki_chunk_format(base, size, EXT_SIZE, base->zero, false);
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

static void stats_of(const void *arena, pk_stats *out) { pk_arena_stats(arena, out); }

/* One in a buffer of the caller's may go without an end. */
static void enter_name(pk_arena *arena, const pk_arena_opts *opts)
{
    if (opts->name != NULL && !arena->ext->base->borrowed) {
        arena->ext->named =
            (pki_named){.pool = arena, .parent = opts->parent, .kind = "arena", .stats = stats_of};
        pki_named_add(&arena->ext->named);
    }
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
    if (base == NULL && (base = map_base(opts->source, pki_min(p.first, p.limit))) == NULL) {
        return PK_ENOMEM;
    }
    pk_arena_ext *ext = place_ext(arena, base);
    ext->name = opts->name == NULL ? "arena" : opts->name;
    ext->source_ops = opts->source.ops;
    ext->source_ctx = opts->source.ctx;
    ext->on_oom = opts->on_oom;
    ext->oom_arg = opts->oom_arg;
    ext->next_size = base->borrowed ? p.first : pki_min(p.first * 2, p.max_chunk);
    ext->max_chunk = p.max_chunk;
    ext->limit = p.limit;
    ext->retain = opts->retain;
    bool watched = !atomic_load_explicit(&unwatched, memory_order_relaxed) && find_watcher();
    start_arena(arena, opts->locked, watched, base->begin, pki_chunk_end(base));
    if (opts->parent != NULL) {
        adopt_child(opts->parent, arena);
    }
    enter_name(arena, opts);
    return PK_OK;
}

/* Nothing but `size` is set. */
static bool are_defaults(const pk_arena_opts *opts)
{
    static const pk_arena_opts defaults;
    size_t from = offsetof(pk_arena_opts, name);
    return memcmp((const char *)opts + from, (const char *)&defaults + from, sizeof *opts - from) ==
           0;
}

static PKI_NOINLINE pk_status init_checked(pk_arena *arena, const pk_arena_opts *opts)
{
    pk_arena_opts full;
    if (!pki_take_options(&full, sizeof full, opts)) {
        return PK_EINVAL;
    }
    return are_defaults(&full) ? PK_OK : open_with(arena, &full);
}

/* A buffer and perhaps a name: what an arena in a function's own memory asks for. */
static inline bool has_buffer_only(const pk_arena_opts *o)
{
    return o->buffer != NULL &&
           ((uintptr_t)o->source.ops | (uintptr_t)o->on_oom | (uintptr_t)o->parent | o->first |
            o->max_chunk | o->limit | o->retain | o->locked) == 0;
}

static inline bool open_in_buffer(pk_arena *arena, const pk_arena_opts *opts)
{
    char *begin = (char *)pki_align_up((uintptr_t)opts->buffer, PK_ALIGN);
    size_t skip = (size_t)(begin - (char *)opts->buffer);
    if (opts->buffer_size < skip + LEAST_CHUNK) {
        return false;
    }
    size_t size = pki_align_down(opts->buffer_size - skip, PK_ALIGN);
    pk_arena_chunk *base = pki_chunk_format(begin, size, EXT_SIZE, false, true);
    open_plainly(arena, base, opts->name == NULL ? "arena" : opts->name, PKI_ARENA_FIRST);
    start_arena(arena, false, false, begin + PKI_CHUNK_HEAD + EXT_SIZE, begin + size);
    return true;
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
    bool is_known = opts->size == 0 || opts->size == sizeof *opts;
    if (is_known && has_buffer_only(opts) &&
        atomic_load_explicit(&unwatched, memory_order_relaxed) && open_in_buffer(arena, opts)) {
        return PK_OK;
    }
    return init_checked(arena, opts);
}
