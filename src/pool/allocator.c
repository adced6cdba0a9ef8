/* SPDX-License-Identifier: MIT
 * allocator.c: what can be done with any allocator, the C library's as one, a page source on one, and
 * the two for tests. The views of pools stand with the pools. */
#include <poolkit/allocator.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "os/error.h"

/* ---- any allocator ---- */

static void *move(pk_allocator a, void *p, size_t old_n, size_t new_n, size_t align)
{
    void *to = pk_get(a, new_n, align);
    if (to != NULL) {
        memcpy(to, p, pki_min(old_n, new_n));
        pk_put(a, p, old_n, align);
    }
    return to;
}

void *pk_remap(pk_allocator a, void *p, size_t old_n, size_t new_n, size_t align)
{
    if (p == NULL) {
        return pk_get(a, new_n, align);
    }
    if (!pki_is_power_of_two(align)) {
        return pki_os_fail(PK_EINVAL);
    }
    if (a.ops->remap != NULL) {
        return a.ops->remap(a.ctx, p, old_n, new_n, align);
    }
    return pk_resize(a, p, old_n, new_n, align) ? p : move(a, p, old_n, new_n, align);
}

void *pk_get_zero(pk_allocator a, size_t n, size_t align)
{
    void *p = pk_get(a, n, align);
    return p == NULL ? NULL : memset(p, 0, pki_max(n, 1));
}

void *pk_get_array(pk_allocator a, size_t count, size_t elem, size_t align)
{
    size_t n;
    return pki_multiply(count, elem, &n) ? pk_get(a, n, align) : pki_os_fail(PK_ENOMEM);
}

/* ---- the C library ---- */

static void *libc_alloc(void *ctx, size_t n, size_t align)
{
    (void)ctx;
    if (!pki_is_power_of_two(align)) {
        return pki_os_fail(PK_EINVAL);
    }
    void *p = NULL;
    n = pki_max(n, 1);
    if (n > PTRDIFF_MAX) {
        return pki_os_fail(PK_ENOMEM);
    }
    if (align <= PK_ALIGN) {
        p = malloc(n);
    } else if (posix_memalign(&p, align, n) != 0) {
        p = NULL;
    }
    return p != NULL ? p : pki_os_fail(PK_ENOMEM);
}

/* free asks for no size, and realloc knows the block's own: a block may always count as shorter. What
 * it has beyond what was asked for, only the C library knows. */
static bool libc_resize(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    (void)ctx;
    (void)p;
    (void)align;
    return new_n <= pki_max(old_n, 1);
}

/* To a new block, unless it fills half of the old one. One that shrinks and finds no other place stays
 * where it is. */
static void *libc_move(void *p, size_t old_n, size_t new_n, size_t align)
{
    bool fits = libc_resize(NULL, p, old_n, new_n, align);
    if (fits && new_n > old_n / 2) {
        return p;
    }
    int saved_errno = errno;
    void *to = move(pk_libc(), p, old_n, new_n, align);
    if (to == NULL && fits) {
        errno = saved_errno;
        return p;
    }
    return to;
}

/* realloc would forget an alignment beyond malloc's. */
static void *libc_remap(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    (void)ctx;
    if (new_n > PTRDIFF_MAX) {
        return pki_os_fail(PK_ENOMEM);
    }
    if (align > PK_ALIGN) {
        return libc_move(p, old_n, new_n, align);
    }
    void *to = realloc(p, pki_max(new_n, 1));
    return to != NULL ? to : pki_os_fail(PK_ENOMEM);
}

static void libc_free(void *ctx, void *p, size_t n, size_t align)
{
    (void)ctx;
    (void)n;
    (void)align;
    free(p);
}

pk_allocator pk_libc(void)
{
    static const pk_allocator_ops ops = {.size = sizeof ops,
                                         .alloc = libc_alloc,
                                         .resize = libc_resize,
                                         .remap = libc_remap,
                                         .free = libc_free};
    return (pk_allocator){&ops, NULL};
}

/* ---- pages ----
 *
 *   ┌ the pool's n bytes ┬ align ┐
 *
 * unmap is not told the alignment, which the allocator wants back: it stands behind the pages. */

static void *pages_map(void *ctx, size_t n, size_t align, unsigned *got)
{
    const pk_allocator *a = ctx;
    *got = 0;
    if (n > PTRDIFF_MAX - sizeof align) {
        return pki_os_fail(PK_ENOMEM);
    }
    char *p = pk_get(*a, n + sizeof align, align);
    if (p != NULL) {
        memcpy(p + n, &align, sizeof align);
    }
    return p;
}

static void pages_unmap(void *ctx, void *p, size_t n)
{
    const pk_allocator *a = ctx;
    size_t align;
    memcpy(&align, (char *)p + n, sizeof align);
    pk_put(*a, p, n + sizeof align, align);
}

pk_page_source pk_allocator_pages(const pk_allocator *a)
{
    static const pk_page_source_ops ops = {
        .size = sizeof ops, .map = pages_map, .unmap = pages_unmap, .granule = 16};
    return (pk_page_source){&ops, (void *)(uintptr_t)a};
}

/* ---- counting ---- */

static void count_growth(pk_counting *c, size_t n)
{
    c->bytes_live += n;
    c->bytes_total += n;
    c->bytes_peak = c->bytes_live > c->bytes_peak ? c->bytes_live : c->bytes_peak;
}

static void count_in_place(pk_counting *c, size_t old_n, size_t new_n)
{
    if (new_n > old_n) {
        count_growth(c, new_n - old_n);
    } else {
        c->bytes_live -= old_n - new_n;
    }
}

static void count_free(pk_counting *c, size_t n)
{
    c->n_free++;
    c->n_live--;
    c->bytes_live -= n;
}

/* The failed request is the only thing that is counted of it. */
static void count_alloc(pk_counting *c, const void *p, size_t n)
{
    if (p == NULL) {
        c->n_fail++;
        return;
    }
    c->n_alloc++;
    c->n_live++;
    count_growth(c, n);
}

static void *counting_alloc(void *ctx, size_t n, size_t align)
{
    pk_counting *c = ctx;
    void *p = pk_get(c->below, n, align);
    count_alloc(c, p, n);
    return p;
}

static bool counting_resize(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    pk_counting *c = ctx;
    bool resized = pk_resize(c->below, p, old_n, new_n, align);
    if (resized) {
        count_in_place(c, old_n, new_n);
    }
    return resized;
}

static void *counting_remap(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    pk_counting *c = ctx;
    uintptr_t from = (uintptr_t)p;
    void *to = pk_remap(c->below, p, old_n, new_n, align);
    if ((uintptr_t)to == from) {
        count_in_place(c, old_n, new_n);
        return to;
    }
    if (to != NULL) {
        count_free(c, old_n);
    }
    count_alloc(c, to, new_n);
    return to;
}

static void counting_free(void *ctx, void *p, size_t n, size_t align)
{
    pk_counting *c = ctx;
    pk_put(c->below, p, n, align);
    count_free(c, n);
}

pk_allocator pk_counting_alloc(pk_counting *counting, pk_allocator below)
{
    static const pk_allocator_ops ops = {.size = sizeof ops,
                                         .alloc = counting_alloc,
                                         .resize = counting_resize,
                                         .remap = counting_remap,
                                         .free = counting_free};
    *counting = (pk_counting){.below = below};
    return (pk_allocator){&ops, counting};
}

/* ---- failing ---- */

static bool must_fail(pk_failing *f)
{
    f->calls++;
    bool fails = f->fail_at != 0 && (f->for_ever ? f->calls >= f->fail_at : f->calls == f->fail_at);
    f->n_failed += fails;
    return fails;
}

static void *failing_alloc(void *ctx, size_t n, size_t align)
{
    pk_failing *f = ctx;
    return must_fail(f) ? pki_os_fail(PK_ENOMEM) : pk_get(f->below, n, align);
}

static bool failing_resize(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    pk_failing *f = ctx;
    return !(new_n > old_n && must_fail(f)) && pk_resize(f->below, p, old_n, new_n, align);
}

static void *failing_remap(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    pk_failing *f = ctx;
    return must_fail(f) ? pki_os_fail(PK_ENOMEM) : pk_remap(f->below, p, old_n, new_n, align);
}

static void failing_free(void *ctx, void *p, size_t n, size_t align)
{
    pk_failing *f = ctx;
    pk_put(f->below, p, n, align);
}

pk_allocator pk_failing_alloc(pk_failing *failing, pk_allocator below, uint64_t fail_at,
                              bool for_ever)
{
    static const pk_allocator_ops ops = {.size = sizeof ops,
                                         .alloc = failing_alloc,
                                         .resize = failing_resize,
                                         .remap = failing_remap,
                                         .free = failing_free};
    *failing = (pk_failing){.below = below, .fail_at = fail_at, .for_ever = for_ever};
    return (pk_allocator){&ops, failing};
}
