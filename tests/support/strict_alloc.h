/* SPDX-License-Identifier: MIT
 * strict_alloc.h: an allocator on malloc that remembers every block and expects exactly its address, size
 * and alignment back. It never resizes in place, has no remap, and fills what it hands out and takes
 * back. */
#ifndef TEST_STRICT_ALLOC_H
#define TEST_STRICT_ALLOC_H

#include "expect.h"

#include <errno.h>
#include <poolkit/allocator.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t n_blocks;
    struct {
        void *p;
        size_t n, align;
    } block[1024];
} strict;

static inline void *strict_get(void *ctx, size_t n, size_t align)
{
    strict *s = ctx;
    void *p = NULL;
    bool power = align != 0 && (align & (align - 1)) == 0;
    if (!power || n > PTRDIFF_MAX / 4 ||
        posix_memalign(&p, align < 16 ? 16 : align, n ? n : 1) != 0) {
        errno = power ? ENOMEM : EINVAL;
        return NULL;
    }
    EXPECT_AT(s->n_blocks < sizeof s->block / sizeof *s->block, s->n_blocks, n);
    s->block[s->n_blocks].p = p;
    s->block[s->n_blocks].n = n;
    s->block[s->n_blocks++].align = align;
    memset(p, 0xA5, n);
    return p;
}

static inline bool strict_resize(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    (void)ctx, (void)p, (void)old_n, (void)new_n, (void)align;
    return false;
}

static inline void strict_put(void *ctx, void *p, size_t n, size_t align)
{
    strict *s = ctx;
    size_t i = 0;
    while (i < s->n_blocks && s->block[i].p != p) i++;
    EXPECT_AT(i < s->n_blocks, n, align);
    EXPECT_AT(s->block[i].n == n, s->block[i].n, n);
    EXPECT_AT(s->block[i].align == align, s->block[i].align, align);
    s->block[i] = s->block[--s->n_blocks];
    memset(p, 0xDD, n);
    free(p);
}

static inline pk_allocator strict_make(strict *s)
{
    static const pk_allocator_ops ops = {
        .size = sizeof ops, .alloc = strict_get, .resize = strict_resize, .free = strict_put};
    s->n_blocks = 0;
    return (pk_allocator){&ops, s};
}

#endif /* TEST_STRICT_ALLOC_H */
