/* SPDX-License-Identifier: MIT */
/*
 * Alignment. Every block of every size is aligned to 16 (malloc, calloc, realloc), and the aligned
 * calls give what they were asked for: all powers of two to 64 MiB, whole blocks writable, freed
 * and resized like any other block.
 */
#include "check.h"

static int aligned_to(const void *p, size_t align) { return ((uintptr_t)p & (align - 1)) == 0; }

static void one_size(size_t n)
{
    char *p = malloc(n);
    char *q = calloc(1, n);
    CHECKF(p != NULL && q != NULL, "size %zu", n);
    CHECKF(aligned_to(p, 16), "malloc(%zu) = %p", n, (void *)p);
    CHECKF(aligned_to(q, 16), "calloc(1, %zu) = %p", n, (void *)q);
    if (p != NULL && n > 0) p[0] = p[n - 1] = 1;
    size_t more = n + n / 3 + 1;
    p = realloc(p, more);
    CHECKF(p != NULL && aligned_to(p, 16), "realloc(%zu -> %zu) = %p", n, more, (void *)p);
    size_t less = n / 2 + 1;
    q = realloc(q, less);
    CHECKF(q != NULL && aligned_to(q, 16), "realloc(%zu -> %zu) = %p", n, less, (void *)q);
    free(p);
    free(q);
}

static void plain_calls(void)
{
    for (size_t n = 0; n <= 9000; n++) one_size(n);
    for (size_t n = 9000; n <= 300000; n += 61) one_size(n);
    for (size_t bit = 14; bit <= 26; bit++)
        for (size_t d = 0; d < 5; d++) one_size(((size_t)1 << bit) - 2 + d);
    /* Small blocks that stay alive: neighbours, not one block again and again. */
    enum { live = 2000 };
    static void *block[live];
    for (size_t n = 1; n <= 200; n += 3) {
        for (size_t i = 0; i < live; i++) {
            block[i] = malloc(n);
            CHECKF(aligned_to(block[i], 16), "live malloc(%zu) = %p", n, block[i]);
        }
        for (size_t i = 0; i < live; i++) free(block[i]);
    }
}

static void check_aligned_block(const char *call, char *p, size_t align, size_t n)
{
    CHECKF(p != NULL, "%s(%zu, %zu)", call, align, n);
    if (p == NULL) return;
    CHECKF(aligned_to(p, align), "%s(%zu, %zu) = %p", call, align, n, (void *)p);
    CHECKF(malloc_usable_size(p) >= n, "%s(%zu, %zu)", call, align, n);
    sparse_fill(p, n, align + n);
}

static void aligned_calls(void)
{
    static const size_t sizes[] = {1,     8,     16,     24,     100,     1000,
                                   1024,  4095,  4096,   4097,   8192,    20000,
                                   32768, 65536, 100000, 262144, 1000000, 4194304};
    enum { count = sizeof sizes / sizeof sizes[0] };
    for (size_t align = 1; align <= 64 * MIB; align *= 2) {
        char *kept[count];
        for (size_t i = 0; i < count; i++) {
            size_t n = sizes[i];
            char *a = memalign(align, n);
            char *b = aligned_alloc(align, n);
            void *c = NULL;
            int rc = align >= sizeof(void *) ? posix_memalign(&c, align, n) : 0;
            CHECKF(rc == 0, "posix_memalign(%zu, %zu) = %d", align, n, rc);
            check_aligned_block("memalign", a, align, n);
            check_aligned_block("aligned_alloc", b, align, n);
            if (align >= sizeof(void *)) check_aligned_block("posix_memalign", c, align, n);
            CHECKF(a == NULL || sparse_check(a, n, align + n) == n, "memalign(%zu, %zu)", align, n);
            free(b);
            free(c);
            kept[i] = a;
        }
        for (size_t i = 0; i < count; i++) {
            size_t n = sizes[i], m = n * 2 + 1;
            if (kept[i] == NULL) continue;
            CHECKF(sparse_check(kept[i], n, align + n) == n, "kept memalign(%zu, %zu)", align, n);
            if (i % 3 == 0) { /* any block may be resized */
                char *p = realloc(kept[i], i % 2 ? m : n / 2 + 1);
                size_t keeps = i % 2 ? n : n / 2 + 1;
                CHECKF(p != NULL && aligned_to(p, 16), "realloc of memalign(%zu, %zu)", align, n);
                if (p != NULL && keeps <= 64)
                    CHECKF(pattern_check(p, keeps, align + n) == keeps, "memalign(%zu, %zu)", align,
                           n);
                free(p != NULL ? p : kept[i]);
            } else {
                free(kept[i]);
            }
        }
    }
}

/* Many live aligned blocks beside ordinary ones: none may overlap another. */
static void aligned_neighbours(void)
{
    enum { live = 4000 };
    static struct {
        unsigned char *p;
        size_t n, align;
    } t[live];
    check_rng r = {UINT64_C(0x51ed270b9f1c3a17)};
    for (size_t step = 0; step < 60000; step++) {
        size_t i = rng_below(&r, live);
        if (t[i].p != NULL) {
            size_t at = pattern_check(t[i].p, t[i].n, i);
            CHECKF(at == t[i].n, "block of %zu aligned %zu, byte %zu", t[i].n, t[i].align, at);
            free(t[i].p);
            t[i].p = NULL;
            continue;
        }
        t[i].align = (size_t)1 << rng_below(&r, 14);
        t[i].n = rng_size(&r, 10);
        t[i].p = rng_below(&r, 4) ? memalign(t[i].align, t[i].n) : malloc(t[i].n);
        CHECK(t[i].p != NULL);
        if (t[i].p != NULL) pattern_fill(t[i].p, t[i].n, i);
    }
    for (size_t i = 0; i < live; i++) free(t[i].p);
}

static void page_calls(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t n = 0; n <= 300000; n += n < 9000 ? 37 : 4001) {
        char *v = valloc(n);
        char *p = pvalloc(n);
        CHECKF(v != NULL && aligned_to(v, page), "valloc(%zu) = %p", n, (void *)v);
        CHECKF(p != NULL && aligned_to(p, page), "pvalloc(%zu) = %p", n, (void *)p);
        size_t whole = (n + page - 1) / page * page;
        if (p != NULL) memset(p, 0x5a, whole);
        CHECKF(p == NULL || malloc_usable_size(p) >= whole, "pvalloc(%zu)", n);
        if (v != NULL) memset(v, 0xa5, n);
        free(p);
        free(v);
    }
}

int main(void)
{
    check_time_limit(60);
    plain_calls();
    aligned_calls();
    aligned_neighbours();
    page_calls();
    return check_result();
}
