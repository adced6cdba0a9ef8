/* SPDX-License-Identifier: MIT
 * page_source.h: where a pool's chunks come from. The default is the operating system; others are a
 * buffer of the caller's, or functions of the caller's own (huge pages, a NUMA node, shared memory,
 * a test that lets the k-th call fail).
 *
 * A source is two words, passed by value. Its functions may be called from any thread that uses a
 * pool on it, at the same time; they must not use that pool: unmap and purge may be called while the
 * pool's lock is held. map is called without it by heaps and shared pools. These two want an align of
 * 4 MiB; they ask a source for no more, and refuse blocks that would need it with ENOMEM.
 *
 * Example: a pool in static memory, without malloc and without the operating system.
 *
 *     static _Alignas(4096) unsigned char memory[1 << 20];
 *     pk_buffer_source buffer;
 *     pk_arena arena;
 *     pk_page_source source = pk_buffer_pages(&buffer, memory, sizeof memory);
 *     if (pk_arena_init(&arena, &(pk_arena_opts){.source = source}) != PK_OK) return 1;
 *     char *name = pk_arena_strdup(&arena, "no malloc at all");
 *     pk_arena_fini(&arena);
 *     if (!name) return 1;
 */
#ifndef POOLKIT_PAGE_SOURCE_H
#define POOLKIT_PAGE_SOURCE_H

#include <poolkit/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes that `map` returned are known to be zero. */
#define PK_PAGES_ZERO 1u

typedef struct {
    uint32_t size; /* sizeof this table, so that it can grow */

    /* `n` bytes, readable and writable, at a multiple of `align` (a power of two); NULL if there
     * are none. Sets *got to what is known of them: 0 or PK_PAGES_ZERO. */
    void *(*map)(void *ctx, size_t n, size_t align, unsigned *got);

    /* Takes back what `map` returned, whole. Cannot fail. */
    void (*unmap)(void *ctx, void *p, size_t n);

    /* The memory of [p, p + n), page by page, may go back; the addresses stay usable, their contents
     * are lost. May be NULL: nothing is ever given back but by unmap. */
    void (*purge)(void *ctx, void *p, size_t n);

    /* Sizes worth asking for are multiples of this power of two; 0 = 4096. */
    size_t granule;
} pk_page_source_ops;

typedef struct {
    const pk_page_source_ops *ops; /* NULL: pk_os_pages() */
    void *ctx;
} pk_page_source;

/* The operating system's pages, zero, resident on first touch. */
PK_API pk_page_source pk_os_pages(void);

/* Pieces of one buffer, in order. What was given back is used again when it lay last; so a pool
 * that frees in reverse order, as an arena does, can use the buffer for ever. */
typedef struct {
    char *begin;
    char *at; /* the first byte that is free */
    char *end;
    void *holes; /* private: given back, but not the last; the last first */
} pk_buffer_source;

/* Makes *buffer a source on `size` bytes at `memory`, at any alignment; both must outlive the pools
 * on it. One thread at a time. */
PK_API pk_page_source pk_buffer_pages(pk_buffer_source *buffer, void *memory, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_PAGE_SOURCE_H */
