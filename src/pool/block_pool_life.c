/* SPDX-License-Identifier: MIT
 * block_pool_life.c: a block pool's options, beginning and end; its memory as a whole: reserve, trim,
 * reset. */
#include <string.h>

#include "os/error.h"
#include "os/watch.h"
#include "pool/block_pool_internal.h"
#include "slab/fault.h"

enum { RECORD_SIZE = 4096, DIRECTORY_FIRST = 16, FIXED_DIRECTORY = 2, FIXED_STACK_MAX = 255 };

/* What the stack of a pool that has ended looks like: both inline paths go the slow way. */
static void *ended_slots[1];

static void be_ended(pk_block_pool *pool)
{
    *pool = (pk_block_pool){ended_slots + 1, ended_slots + 1, NULL};
}

/* ---- options ---- */

static bool are_possible(const pk_block_pool_opts *o)
{
    unsigned known = PK_ZERO | PK_CHECKED | PK_HANDLES;
    return o->block_size > 0 && o->block_size <= PKI_BLOCK_SIZE_MAX &&
           pki_is_power_of_two(o->align) && o->align <= PKI_BLOCK_ALIGN_MAX &&
           (o->flags & ~known) == 0 && ((o->flags & PK_ZERO) == 0 || o->construct == NULL) &&
           (o->destroy == NULL || o->construct != NULL) &&
           (o->buffer == NULL) == (o->buffer_size == 0) &&
           o->per_chunk <= UINT32_MAX / 2 / o->block_size;
}

static void stats_of_pool(const void *pool, pk_stats *out) { pk_block_pool_stats(pool, out); }

/* Fills in the defaults; `out` is then all of the record that depends on the options alone. */
static bool complete(const pk_block_pool_opts *opts, pk_block_pool_ext *out)
{
    *out = (pk_block_pool_ext){.watched = pki_watched()};
    pk_block_pool_opts *o = &out->opts;
    if (opts == NULL || !pki_take_options(o, sizeof *o, opts)) {
        return false;
    }
    o->align = o->align == 0 ? PK_ALIGN : o->align;
    if (!are_possible(o)) {
        return false;
    }
    if (o->name != NULL && o->buffer == NULL) { /* static ones may go without an end */
        out->named = (pki_named){.kind = "block pool", .stats = stats_of_pool};
    }
    o->name = o->name == NULL ? "block pool" : o->name;
    o->align = pki_max(o->align, PK_ALIGN);
    out->grows = o->buffer == NULL || o->max_blocks != 0;
    o->max_blocks = o->max_blocks == 0 ? SIZE_MAX : o->max_blocks;
    o->limit = o->limit == 0 ? SIZE_MAX : o->limit;
    out->closed = o->flags != 0 || out->watched;
    size_t gap = out->watched && o->buffer == NULL ? PKI_WATCH_GAP : 0;
    out->stride = pki_align_up(o->block_size + gap, o->align);
    out->usable = out->watched ? o->block_size : out->stride;
    out->layout = pki_block_layout_of(out, o->per_chunk);
    return true;
}

/* ---- the record ----
 *
 *   ┌ ext ┬ directory ┬ NULL │ stack … ┬ (in the user's buffer: the fixed chunk) ┐ */

static size_t head_size_of_chunk(size_t directory, size_t stack)
{
    size_t size = sizeof(pk_block_pool_ext) + pki_directory_size(directory);
    return pki_align_up(size + (stack + 1) * sizeof(void *), PKI_CHUNK_ALIGN);
}

static void place(pk_block_pool *pool, void *memory, const pk_block_pool_ext *completed,
                  size_t directory, size_t stack)
{
    pk_block_pool_ext *ext = memory;
    *ext = *completed;
    pki_directory_init(&ext->directory, ext + 1, directory);
    void **slots = (void **)(void *)((char *)(ext + 1) + pki_directory_size(directory));
    slots[0] = NULL;
    ext->base = slots + 1;
    ext->stack_capacity = (uint32_t)stack;
    void **bottom = ext->closed ? ext->closed_slots + 1 : ext->base;
    *pool = (pk_block_pool){bottom, ext->closed ? bottom : ext->base + stack, ext};
    pki_watch_begin(ext);
    if (completed->named.kind != NULL) {
        ext->named.pool = pool;
        pki_named_add(&ext->named);
    }
}

static pk_status place_mapped(pk_block_pool *pool, const pk_block_pool_ext *completed)
{
    pk_block_pool_ext counts = *completed;
    pk_status why = PK_ENOMEM;
    bool zero;
    if (counts.layout.chunk_size > counts.opts.limit - RECORD_SIZE ||
        counts.opts.limit < RECORD_SIZE) {
        return PK_ELIMIT;
    }
    void *memory = pki_block_map(&counts, RECORD_SIZE, PKI_CHUNK_ALIGN, &zero, &why);
    if (memory == NULL) {
        return why;
    }
    size_t room = RECORD_SIZE - head_size_of_chunk(DIRECTORY_FIRST, 0);
    counts.record_size = RECORD_SIZE;
    place(pool, memory, &counts, DIRECTORY_FIRST, room / sizeof(void *));
    return PK_OK;
}

/* Bytes for `n` blocks behind any address at a multiple of PKI_CHUNK_ALIGN; 0 if they overflow. */
static size_t fixed_size(const pk_block_pool_ext *ext, size_t n)
{
    size_t blocks, head = head_size_of_chunk(FIXED_DIRECTORY, pki_min(n, FIXED_STACK_MAX));
    if (n == 0 || n > UINT32_MAX / 2 || !pki_multiply(n, ext->stride, &blocks) ||
        blocks > UINT32_MAX) {
        return 0;
    }
    size_t chunk_head = pki_block_head(ext, n);
    size_t slack = ext->opts.align > PKI_CHUNK_ALIGN ? ext->opts.align - PKI_CHUNK_ALIGN : 0;
    return head + pki_align_up(chunk_head, PKI_CHUNK_ALIGN) + slack + blocks;
}

/* The most blocks that `size` bytes can hold. */
static size_t most_blocks(const pk_block_pool_ext *ext, size_t size)
{
    size_t least = 0, above = size / ext->stride + 1;
    while (above - least > 1) {
        size_t n = least + (above - least) / 2;
        size_t need = fixed_size(ext, n);
        if (need != 0 && need <= size) {
            least = n;
        } else {
            above = n;
        }
    }
    return least;
}

static pk_status place_fixed(pk_block_pool *pool, const pk_block_pool_ext *completed)
{
    const pk_block_pool_opts *o = &completed->opts;
    uintptr_t begin = pki_align_up((uintptr_t)o->buffer, PKI_CHUNK_ALIGN);
    size_t skip = begin - (uintptr_t)o->buffer;
    size_t room = skip < o->buffer_size ? o->buffer_size - skip : 0;
    size_t n = most_blocks(completed, room);
    if (n == 0) {
        return PK_EINVAL;
    }
    size_t stack = pki_min(n, FIXED_STACK_MAX), head = head_size_of_chunk(FIXED_DIRECTORY, stack);
    place(pool, (void *)begin, completed, FIXED_DIRECTORY, stack);
    pki_block_chunk_fix(pool->ext, (char *)begin + head, room - head, n);
    return PK_OK;
}

size_t pk_block_pool_need(const pk_block_pool_opts *opts, size_t n)
{
    pk_block_pool_opts sized;
    pk_block_pool_ext completed;
    if (opts == NULL || !pki_take_options(&sized, sizeof sized, opts)) {
        return 0;
    }
    sized.size = 0;
    sized.buffer = &completed; /* any: static storage has no gaps for a checker */
    sized.buffer_size = 1;
    size_t size = complete(&sized, &completed) ? fixed_size(&completed, n) : 0;
    return size == 0 ? 0 : size + PKI_CHUNK_ALIGN - 1;
}

/* ---- life ---- */

pk_status pk_block_pool_init(pk_block_pool *pool, const pk_block_pool_opts *opts)
{
    if (pool == NULL) {
        return PK_EINVAL;
    }
    pk_block_pool_ext completed;
    be_ended(pool);
    if (!complete(opts, &completed)) {
        return PK_EINVAL;
    }
    return completed.opts.buffer != NULL ? place_fixed(pool, &completed)
                                         : place_mapped(pool, &completed);
}

/* Inside a callback the pool stays as it is: the caller's bug. */
static bool is_usable(pk_block_pool *pool, const char *call)
{
    if (pool == NULL || pool->ext == NULL) {
        return false;
    }
    if (pool->ext->in_callback) {
        pki_fault_tell(&(pki_fault){
            .kind = PK_FAULT_BUSY, .pool_name = pool->ext->opts.name, .ptr = pool, .call = call});
        return false;
    }
    return true;
}

size_t pk_block_pool_fini(pk_block_pool *pool)
{
    if (!is_usable(pool, "end")) {
        return 0;
    }
    int error = pki_os_error();
    pki_block_flush(pool);
    pk_block_pool_ext *ext = pool->ext;
    size_t live = ext->used;
    pki_watch_end(ext); /* hides the blocks in use; their memory is then shown with its chunk */
    while (ext->last != NULL) {
        pki_block_chunk_release(pool, ext->last);
    }
    if (ext->directory.mapped > 0) {
        pki_block_unmap(ext, ext->directory.chunk, ext->directory.mapped);
    }
    if (ext->stack_mapped) {
        pki_block_unmap(ext, ext->base - 1, (ext->stack_capacity + 1) * sizeof(void *));
    }
    pki_named_remove(&ext->named);
    if (ext->record_size > 0) {
        pk_block_pool_ext last = *ext;
        pki_block_unmap(&last, ext, ext->record_size);
    }
    be_ended(pool);
    pki_os_set_error(error);
    return live;
}

pk_status pk_block_pool_fini_if_empty(pk_block_pool *pool)
{
    if (pool == NULL || pool->ext == NULL) {
        return PK_OK;
    }
    pki_block_flush(pool);
    if (pool->ext->used > 0 || pool->ext->in_callback) {
        return PK_EBUSY;
    }
    pk_block_pool_fini(pool);
    return PK_OK;
}

static void free_all(pk_block_pool_ext *ext, pki_block_chunk *chunk)
{
    pki_slab *slab = &chunk->slab;
    for (unsigned i = 0; i < slab->fresh; i += 64) {
        pki_bits_put(&slab->bits[i / 64],
                     pki_mask_range(0, (unsigned)pki_min(64, slab->fresh - i)));
    }
    ext->used -= slab->used;
    slab->used = 0;
    slab->hint = 0;
    if (chunk->generation != NULL) {
        memset(chunk->generation, 0, slab->capacity * sizeof *chunk->generation);
    }
    if (!slab->listed) {
        pki_slab_list_add(&ext->with_room, slab);
    }
}

/* A checker is told of each block that it thinks in use. */
static void hide_live(pk_block_pool *pool)
{
    for (void *p = NULL; (p = pk_block_pool_next_live(pool, p)) != NULL;) {
        pki_watch_free(pool->ext, p, pool->ext->usable);
    }
}

void pk_block_pool_reset(pk_block_pool *pool)
{
    if (!is_usable(pool, "reset")) {
        return;
    }
    pki_block_flush(pool);
    if (pool->ext->watched) {
        hide_live(pool);
    }
    for (pki_block_chunk *chunk = pool->ext->first; chunk != NULL; chunk = chunk->next) {
        free_all(pool->ext, chunk);
    }
}

/* ---- memory ---- */

/* Builds objects ahead in a chunk; false: a construction failed. */
static bool construct_ahead(pk_block_pool *pool, pki_block_chunk *chunk, size_t *available,
                            size_t n)
{
    while (*available < n && chunk->slab.fresh < chunk->slab.capacity) {
        if (!pki_block_construct_next(pool, &chunk->slab)) {
            return false;
        }
        ++*available;
    }
    return true;
}

static pk_status construct_all_ahead(pk_block_pool *pool, size_t n)
{
    size_t available = pki_block_stacked(pool);
    for (const pki_block_chunk *c = pool->ext->first; c != NULL; c = c->next) {
        available += c->slab.fresh - c->slab.used;
    }
    for (pki_block_chunk *c = pool->ext->first; c != NULL && available < n; c = c->next) {
        if (!construct_ahead(pool, c, &available, n)) {
            return PK_ESYS;
        }
    }
    return PK_OK;
}

pk_status pk_block_pool_reserve(pk_block_pool *pool, size_t n)
{
    if (pool == NULL || pool->ext == NULL) {
        return PK_EINVAL;
    }
    pk_block_pool_ext *ext = pool->ext;
    if (ext->in_callback) {
        return PK_EBUSY;
    }
    size_t live = ext->used - pki_block_stacked(pool);
    size_t allowed = ext->opts.max_blocks - live;
    size_t wanted = pki_min(n, allowed);
    if (wanted > PTRDIFF_MAX / ext->stride) {
        return PK_ENOMEM; /* no source has it: do not take all of it first */
    }
    pk_status status = PK_OK;
    while (status == PK_OK && ext->capacity - live < wanted) {
        status = pki_block_chunk_add(ext);
    }
    if (ext->opts.construct != NULL) {
        pk_status made = construct_all_ahead(pool, pki_min(wanted, ext->capacity - live));
        status = status == PK_OK ? made : status;
    }
    return status == PK_OK && n > allowed ? PK_ELIMIT : status;
}

size_t pk_block_pool_trim(pk_block_pool *pool, size_t keep)
{
    if (!is_usable(pool, "trim")) {
        return 0;
    }
    pki_block_flush(pool);
    pk_block_pool_ext *ext = pool->ext;
    size_t before = ext->committed;
    for (pki_block_chunk *chunk = ext->last, *older; chunk != NULL; chunk = older) {
        older = chunk->prev;
        size_t unused = ext->capacity - ext->used;
        if (chunk->slab.used == 0 && chunk != ext->fixed && unused - chunk->slab.capacity >= keep) {
            pki_block_chunk_release(pool, chunk);
        }
    }
    return before - ext->committed;
}
