/* SPDX-License-Identifier: MIT
 * block_chunk.c: a block pool's chunks: how they are cut, where they come from, and how an address
 * finds its own. */
#include <string.h>

#include "os/watch.h"
#include "pool/block_pool_internal.h"

/* ---- how a chunk is cut ---- */

enum { CHUNK_SIZE = 256 * 1024, CHUNK_BLOCKS = 8, PAGE = 4096 };

size_t pki_block_head(const pk_block_pool_ext *ext, size_t n)
{
    size_t head = sizeof(pki_block_chunk) + (n + 63) / 64 * sizeof(uint64_t);
    return (ext->opts.flags & PK_HANDLES) != 0 ? head + n * sizeof(uint32_t) : head;
}

static size_t offset_of_blocks(const pk_block_pool_ext *ext, const void *memory, size_t n)
{
    uintptr_t begin = (uintptr_t)memory;
    return pki_align_up(begin + pki_block_head(ext, n), ext->opts.align) - begin;
}

static size_t power_of_two_from(size_t n)
{
    size_t power = 1;
    while (power < n) {
        power *= 2;
    }
    return power;
}

/* Default: 256 KiB, so that a chunk costs few calls of the source and still goes back soon; but 8 blocks
 * or more, or the head's rounding to a power of two could double the size. */
static size_t least_blocks(const pk_block_pool_ext *ext)
{
    size_t n = pki_max(CHUNK_SIZE / ext->stride, CHUNK_BLOCKS);
    n = pki_min(n, pki_max(1, UINT32_MAX / 2 / ext->stride));
    return ext->opts.max_blocks != SIZE_MAX ? pki_min(n, ext->opts.max_blocks) : n;
}

pki_block_layout pki_block_layout_of(const pk_block_pool_ext *ext, size_t n)
{
    bool by_default = n == 0;
    n = by_default ? least_blocks(ext) : n;
    const pk_page_source_ops *ops = ext->opts.source.ops;
    size_t granule = ops == NULL || ops->granule == 0 ? PAGE : ops->granule;
    size_t size = power_of_two_from(offset_of_blocks(ext, NULL, n) + n * ext->stride);
    size = pki_max(size, granule);
    if (by_default && size > CHUNK_SIZE && n > CHUNK_BLOCKS && n == CHUNK_SIZE / ext->stride) {
        size = CHUNK_SIZE; /* the head took the room of some blocks */
    }
    size_t capacity = (size - sizeof(pki_block_chunk)) / ext->stride;
    while (offset_of_blocks(ext, NULL, capacity) + capacity * ext->stride > size) {
        capacity--;
    }
    return (pki_block_layout){size, capacity, offset_of_blocks(ext, NULL, capacity)};
}

/* ---- memory ---- */

static pk_page_source source_of(const pk_block_pool_ext *ext)
{
    return ext->opts.source.ops == NULL ? pk_os_pages() : ext->opts.source;
}

void *pki_block_map(pk_block_pool_ext *ext, size_t size, size_t align, bool *zero, pk_status *why)
{
    if (size > ext->opts.limit - ext->committed) {
        *why = PK_ELIMIT;
        return NULL;
    }
    pk_page_source source = source_of(ext);
    unsigned got = 0;
    void *p = source.ops->map(source.ctx, size, align, &got);
    if (p == NULL) {
        *why = PK_ENOMEM;
        return NULL;
    }
    *zero = (got & PK_PAGES_ZERO) != 0;
    ext->committed += size;
    ext->committed_peak = pki_max(ext->committed_peak, ext->committed);
    return p;
}

void pki_block_unmap(pk_block_pool_ext *ext, void *p, size_t size)
{
    pk_page_source source = source_of(ext);
    ext->committed -= size;
    source.ops->unmap(source.ctx, p, size);
}

/* ---- the directory ---- */

size_t pki_directory_size(size_t capacity)
{
    return capacity * (sizeof(pki_block_chunk *) + 2 * sizeof(uint32_t));
}

void pki_directory_init(pki_directory *directory, void *memory, size_t capacity)
{
    *directory = (pki_directory){
        .chunk = memory,
        .slot = (uint32_t *)(void *)((char *)memory + capacity * sizeof(pki_block_chunk *)),
        .capacity = (uint32_t)capacity};
    memset(memory, 0, pki_directory_size(capacity));
}

/* Fibonacci hashing of the chunk's number in the address space: the product's highest bits. Lower ones
 * cluster: on average 31 steps a search for 2^19 chunks at every 16th place. */
static uint32_t home_slot(const pk_block_pool_ext *ext, const void *chunk)
{
    uint64_t key = (uintptr_t)chunk / ext->layout.chunk_size;
    unsigned slots_log2 = pki_log2_floor(ext->directory.capacity) + 1;
    return (uint32_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> (64 - slots_log2));
}

/* The slot of the chunk at this address, or the empty one where it would be. */
static uint32_t find_slot(const pk_block_pool_ext *ext, const void *chunk)
{
    const pki_directory *d = &ext->directory;
    uint32_t i = home_slot(ext, chunk);
    while (d->slot[i] != 0 && (const void *)d->chunk[d->slot[i] - 1] != chunk) {
        i = (i + 1) & (2 * d->capacity - 1);
    }
    return i;
}

/* Empties a slot; those behind it that had to give way to it move up. */
static void empty_slot(pk_block_pool_ext *ext, uint32_t hole)
{
    pki_directory *d = &ext->directory;
    uint32_t mask = 2 * d->capacity - 1;
    for (uint32_t i = (hole + 1) & mask; d->slot[i] != 0; i = (i + 1) & mask) {
        uint32_t home = home_slot(ext, d->chunk[d->slot[i] - 1]);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            d->slot[hole] = d->slot[i];
            hole = i;
        }
    }
    d->slot[hole] = 0;
}

static bool grow_directory(pk_block_pool_ext *ext, pk_status *why)
{
    pki_directory old = ext->directory;
    size_t capacity = pki_max((size_t)old.capacity * 4, 256);
    size_t size = pki_directory_size(capacity);
    bool zero;
    *why = PK_ENOMEM;
    void *memory =
        capacity > UINT32_MAX / 4 ? NULL : pki_block_map(ext, size, PK_ALIGN, &zero, why);
    if (memory == NULL) {
        return false;
    }
    pki_directory *d = &ext->directory;
    pki_directory_init(d, memory, capacity);
    d->mapped = size;
    d->n = d->lowest = old.n;
    memcpy(d->chunk, old.chunk, old.n * sizeof *old.chunk);
    for (uint32_t number = 0; number < d->n; number++) {
        if (d->chunk[number] != ext->fixed) {
            d->slot[find_slot(ext, d->chunk[number])] = number + 1;
        }
    }
    if (old.mapped > 0) {
        pki_block_unmap(ext, old.chunk, old.mapped);
    }
    return true;
}

/* The lowest free number; makes room for one more. */
static bool free_number(pk_block_pool_ext *ext, uint32_t *number, pk_status *why)
{
    pki_directory *d = &ext->directory;
    while (d->lowest < d->n && d->chunk[d->lowest] != NULL) {
        d->lowest++;
    }
    if (d->lowest == d->capacity && !grow_directory(ext, why)) {
        return false;
    }
    *number = ext->directory.lowest;
    return true;
}

static void enter(pk_block_pool_ext *ext, pki_block_chunk *chunk, uint32_t number)
{
    pki_directory *d = &ext->directory;
    chunk->number = number;
    if (chunk != ext->fixed) {
        d->slot[find_slot(ext, chunk)] = number + 1;
    }
    d->chunk[number] = chunk;
    d->n = (uint32_t)pki_max(d->n, (size_t)number + 1);
}

static void leave(pk_block_pool_ext *ext, const pki_block_chunk *chunk)
{
    pki_directory *d = &ext->directory;
    empty_slot(ext, find_slot(ext, chunk));
    d->chunk[chunk->number] = NULL;
    d->lowest = (uint32_t)pki_min(d->lowest, chunk->number);
}

static bool is_in_fixed(const pk_block_pool_ext *ext, const void *p)
{
    const pki_block_chunk *fixed = ext->fixed;
    return fixed != NULL && (uintptr_t)p - (uintptr_t)fixed < fixed->size;
}

pki_block_chunk *pki_block_chunk_of(const pk_block_pool_ext *ext, const void *p)
{
    if (is_in_fixed(ext, p)) {
        return ext->fixed;
    }
    void *begin = (void *)pki_align_down((uintptr_t)p, ext->layout.chunk_size);
    uint32_t number = ext->directory.slot[find_slot(ext, begin)];
    return number == 0 ? NULL : ext->directory.chunk[number - 1];
}

/* ---- chunks ---- */

static void link_last(pk_block_pool_ext *ext, pki_block_chunk *chunk)
{
    chunk->next = NULL;
    chunk->prev = ext->last;
    *(ext->last == NULL ? &ext->first : &ext->last->next) = chunk;
    ext->last = chunk;
}

static void unlink_chunk(pk_block_pool_ext *ext, pki_block_chunk *chunk)
{
    *(chunk->prev == NULL ? &ext->first : &chunk->prev->next) = chunk->next;
    *(chunk->next == NULL ? &ext->last : &chunk->next->prev) = chunk->prev;
}

/* Formats the head of a chunk of `layout` at `memory` and adds it to the pool. */
static void add(pk_block_pool_ext *ext, void *memory, const pki_block_layout *layout, bool zero,
                uint32_t number)
{
    pki_block_chunk *chunk = memory;
    pki_bits *bits = (pki_bits *)(void *)(chunk + 1);
    *chunk = (pki_block_chunk){.size = layout->chunk_size};
    pki_slab_init(&chunk->slab, (char *)memory + layout->offset, bits, ext->stride,
                  layout->capacity);
    chunk->slab.zero = zero;
    if ((ext->opts.flags & PK_HANDLES) != 0) {
        size_t words = (layout->capacity + 63) / 64;
        chunk->generation = (uint32_t *)(void *)((char *)(chunk + 1) + words * sizeof *bits);
        memset(chunk->generation, 0, layout->capacity * sizeof *chunk->generation);
    }
    enter(ext, chunk, number);
    link_last(ext, chunk);
    pki_slab_list_add(&ext->with_room, &chunk->slab);
    ext->capacity += layout->capacity;
    ext->n_chunks++;
    pki_watch_hide(chunk->slab.base, layout->capacity * ext->stride);
}

void pki_block_chunk_fix(pk_block_pool_ext *ext, void *memory, size_t size, size_t capacity)
{
    pki_block_layout layout = {size, capacity, offset_of_blocks(ext, memory, capacity)};
    ext->fixed = memory;
    add(ext, memory, &layout, false, 0);
}

size_t pki_block_names_per_chunk(const pk_block_pool_ext *ext)
{
    size_t fixed = ext->fixed == NULL ? 0 : ext->fixed->slab.capacity;
    return pki_max(ext->layout.capacity, fixed);
}

/* Handles count blocks in 32 bits. */
static bool is_nameable(const pk_block_pool_ext *ext, uint32_t number)
{
    return (ext->opts.flags & PK_HANDLES) == 0 ||
           (number + UINT64_C(1)) * pki_block_names_per_chunk(ext) <= UINT32_MAX;
}

pk_status pki_block_chunk_add(pk_block_pool_ext *ext)
{
    pk_status why = PK_ENOMEM;
    uint32_t number;
    bool zero;
    if (!ext->grows) {
        return PK_ELIMIT;
    }
    if (!free_number(ext, &number, &why) || !is_nameable(ext, number)) {
        return why;
    }
    size_t size = ext->layout.chunk_size;
    void *memory = pki_block_map(ext, size, size, &zero, &why);
    if (memory == NULL) {
        return why;
    }
    add(ext, memory, &ext->layout, zero, number);
    return PK_OK;
}

void pki_block_chunk_release(pk_block_pool *pool, pki_block_chunk *chunk)
{
    pk_block_pool_ext *ext = pool->ext;
    for (size_t i = 0; ext->opts.destroy != NULL && i < chunk->slab.fresh; i++) {
        pki_block_destroy(pool, chunk->slab.base + i * ext->stride);
    }
    if (chunk->slab.listed) {
        pki_slab_list_remove(&ext->with_room, &chunk->slab);
    }
    ext->capacity -= chunk->slab.capacity;
    ext->used -= chunk->slab.used;
    ext->n_chunks--;
    unlink_chunk(ext, chunk);
    pki_watch_show(chunk->slab.base, chunk->slab.capacity * ext->stride, false);
    if (chunk != ext->fixed) {
        leave(ext, chunk);
        pki_block_unmap(ext, chunk, chunk->size);
    }
}
