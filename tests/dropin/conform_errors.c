/* SPDX-License-Identifier: MIT */
/*
 * What a call answers when it cannot: NULL with ENOMEM for impossible sizes and overflowing
 * products, EINVAL for impossible alignments, the old block untouched, errno kept by free. And the
 * zero sizes: malloc(0) is a unique block, realloc(p, 0) frees.
 */
#include "check.h"

static const size_t bad_sizes[] = {
    SIZE_MAX,
    SIZE_MAX - 1,
    SIZE_MAX - 7,
    SIZE_MAX - 8,
    SIZE_MAX - 15,
    SIZE_MAX - 16,
    SIZE_MAX - 31,
    SIZE_MAX - 63,
    SIZE_MAX - 100,
    SIZE_MAX - 4095,
    SIZE_MAX - 4096,
    SIZE_MAX - 65535,
    SIZE_MAX - (4 << 20),
    SIZE_MAX - (4 << 20) + 1,
    SIZE_MAX - (8 << 20),
    SIZE_MAX / 2 + 2,
    SIZE_MAX / 2 + 1,
    SIZE_MAX / 2,
    SIZE_MAX / 2 - 4096,
    (size_t)1 << 62,
    (size_t)1 << 56,
};
enum { bad_count = sizeof bad_sizes / sizeof bad_sizes[0] };

/* The expression must give NULL and set errno. */
#define FAILS(err, call, ...)                                                                      \
    do {                                                                                           \
        errno = 0;                                                                                 \
        void *got = (call);                                                                        \
        int e = errno;                                                                             \
        CHECKF(got == NULL, __VA_ARGS__);                                                          \
        if (got == NULL)                                                                           \
            CHECKF(e == (err), __VA_ARGS__);                                                       \
        else                                                                                       \
            free(got);                                                                             \
    } while (0)

static void impossible_sizes(void)
{
    for (size_t i = 0; i < bad_count; i++) {
        size_t n = opaque(bad_sizes[i]);
        FAILS(ENOMEM, malloc(n), "malloc(%#zx)", n);
        FAILS(ENOMEM, calloc(1, n), "calloc(1, %#zx)", n);
        FAILS(ENOMEM, calloc(n, 1), "calloc(%#zx, 1)", n);
        FAILS(ENOMEM, realloc(NULL, n), "realloc(NULL, %#zx)", n);
        FAILS(ENOMEM, valloc(n), "valloc(%#zx)", n);
        FAILS(ENOMEM, pvalloc(n), "pvalloc(%#zx)", n);
        for (size_t align = 16; align <= 64 * MIB; align *= 8) {
            FAILS(ENOMEM, memalign(align, n), "memalign(%zu, %#zx)", align, n);
            FAILS(ENOMEM, aligned_alloc(align, n), "aligned_alloc(%zu, %#zx)", align, n);
        }
    }
    for (size_t back = 0; back <= 4 * MIB + 9000; back += back < 9000 ? 1 : 4093) {
        size_t n = opaque(SIZE_MAX - back);
        FAILS(ENOMEM, malloc(n), "malloc(SIZE_MAX - %zu)", back);
        FAILS(ENOMEM, pvalloc(n), "pvalloc(SIZE_MAX - %zu)", back);
        FAILS(ENOMEM, memalign(4096, n), "memalign(4096, SIZE_MAX - %zu)", back);
    }
}

static void overflowing_products(void)
{
    static const size_t pairs[][2] = {
        {SIZE_MAX, 2},
        {SIZE_MAX / 2, 3},
        {SIZE_MAX / 2 + 1, 2},
        {(size_t)1 << 32, (size_t)1 << 32},
        {(size_t)1 << 33, (size_t)1 << 32},
        {SIZE_MAX / 16 + 1, 16},
        {SIZE_MAX / 24 + 1, 24},
        {SIZE_MAX, SIZE_MAX},
        {((size_t)1 << 32) + 1, (size_t)1 << 32},
        {SIZE_MAX / 4096 + 2, 4096},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        size_t a = opaque(pairs[i][0]), b = opaque(pairs[i][1]);
        FAILS(ENOMEM, calloc(a, b), "calloc(%#zx, %#zx)", a, b);
        FAILS(ENOMEM, calloc(b, a), "calloc(%#zx, %#zx)", b, a);
        FAILS(ENOMEM, reallocarray(NULL, a, b), "reallocarray(NULL, %#zx, %#zx)", a, b);
        FAILS(ENOMEM, reallocarray(NULL, b, a), "reallocarray(NULL, %#zx, %#zx)", b, a);
    }
}

/* A failed realloc leaves the block, its address and its content. */
static void old_block_stays(void)
{
    for (size_t n = 1; n <= 8 * MIB; n = n * 3 + 5) {
        unsigned char *p = malloc(n);
        REQUIRE(p != NULL);
        pattern_fill(p, n, n);
        for (size_t i = 0; i < bad_count; i++) {
            size_t bad = opaque(bad_sizes[i]);
            FAILS(ENOMEM, realloc(opaque_ptr(p), bad), "realloc(%zu -> %#zx)", n, bad);
        }
        size_t big = opaque((size_t)1 << 33);
        FAILS(ENOMEM, reallocarray(opaque_ptr(p), big, big), "block of %zu", n);
        big = opaque(SIZE_MAX);
        FAILS(ENOMEM, reallocarray(opaque_ptr(p), big, 2), "block of %zu", n);
        CHECKF(pattern_check(p, n, n) == n, "size %zu", n);
        free(p);
    }
    void *p = reallocarray(NULL, 10, 20);
    CHECK(p != NULL && malloc_usable_size(p) >= 200);
    p = reallocarray(p, 100, 20);
    CHECK(p != NULL && malloc_usable_size(p) >= 2000);
    free(p);
}

static void bad_alignments(void)
{
    static const size_t wrong[] = {0,
                                   3,
                                   5,
                                   6,
                                   7,
                                   9,
                                   12,
                                   24,
                                   48,
                                   100,
                                   4095,
                                   4097,
                                   65537,
                                   SIZE_MAX,
                                   SIZE_MAX - 1,
                                   SIZE_MAX / 2,
                                   SIZE_MAX / 2 + 2};
    int plain = check_plain_libc(); /* glibc before 2.38 rounds aligned_alloc's alignment up */
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        size_t align = opaque(wrong[i]);
        if (!plain) FAILS(EINVAL, aligned_alloc(align, 64), "aligned_alloc(%#zx, 64)", align);
        /* memalign: glibc rounds up, the manual says EINVAL; both are in use, garbage is not. */
        errno = 0;
        unsigned char *p = memalign(align, 64);
        int honest = p != NULL || errno == EINVAL || (align > SIZE_MAX / 4 && errno == ENOMEM);
        CHECKF(honest, "memalign(%#zx, 64) errno %d", align, errno);
        if (p != NULL) memset(p, 1, 64);
        free(p);
    }
    /* Too large for any address space, but a power of two. */
    FAILS(ENOMEM, aligned_alloc(opaque((size_t)1 << 62), 8), "aligned_alloc(2^62, 8)");
    FAILS(ENOMEM, memalign(opaque((size_t)1 << 62), 8), "memalign(2^62, 8)");
    FAILS(ENOMEM, memalign(opaque((size_t)1 << 63), 8), "memalign(2^63, 8)");
    /* A size that is no multiple of the alignment is allowed since C17. */
    void *p = aligned_alloc(64, opaque(1));
    CHECK(p != NULL && ((uintptr_t)p & 63) == 0);
    free(p);
}

/* posix_memalign answers by its result only: neither the pointer nor errno may change. */
static void posix_answers(void)
{
    static const size_t wrong[] = {0, 1, 2, 3, 4, 5, 7, 9, 12, 24, 40, 100, 4097, SIZE_MAX};
    int mark;
    int plain = check_plain_libc(); /* glibc sets errno when memory is short, POSIX lets it */
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        void *p = &mark;
        errno = 4242;
        int rc = posix_memalign(&p, opaque(wrong[i]), 64);
        CHECKF(rc == EINVAL, "alignment %#zx gives %d", wrong[i], rc);
        CHECKF(p == &mark, "alignment %#zx changed the pointer", wrong[i]);
        CHECKF(errno == 4242, "alignment %#zx set errno %d", wrong[i], errno);
    }
    for (size_t i = 0; i < bad_count; i++)
        for (size_t align = 8; align <= 64 * MIB; align *= 32) {
            void *p = &mark;
            errno = 4242;
            int rc = posix_memalign(&p, align, opaque(bad_sizes[i]));
            CHECKF(rc == ENOMEM, "(%zu, %#zx) gives %d", align, bad_sizes[i], rc);
            int e = errno;
            CHECKF(p == &mark, "(%zu, %#zx) changed the pointer", align, bad_sizes[i]);
            CHECKF(plain || e == 4242, "(%zu, %#zx) set errno %d", align, bad_sizes[i], e);
        }
    void *p = &mark;
    CHECK(posix_memalign(&p, 64, 0) == 0);
    CHECK(p != &mark);
    free(p);
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;
    return (x > y) - (x < y);
}

static void zero_sizes(void)
{
    enum { count = 4000 };
    static void *p[count];
    for (size_t i = 0; i < count; i++) {
        switch (i % 5) {
        case 0:
            p[i] = malloc(opaque(0));
            break;
        case 1:
            p[i] = calloc(opaque(0), 8);
            break;
        case 2:
            p[i] = calloc(8, opaque(0));
            break;
        case 3:
            p[i] = realloc(NULL, opaque(0));
            break;
        default:
            p[i] = memalign(32, opaque(0));
            break;
        }
        CHECKF(p[i] != NULL, "zero size, call %zu", i % 5);
    }
    qsort(p, count, sizeof p[0], by_address);
    for (size_t i = 1; i < count; i++)
        CHECKF(p[i] != p[i - 1], "two live zero-size blocks at %p", p[i]);
    for (size_t i = 0; i < count; i++) free(p[i]);
    /* realloc(p, 0) gives NULL and frees: 400 MB of it must not stay. */
    size_t before = check_status_kib("VmRSS:");
    for (size_t i = 0; i < 4000; i++) {
        size_t n = i % 2 ? 200000 : 300;
        char *q = malloc(n);
        REQUIRE(q != NULL);
        memset(q, 1, n);
        q = realloc(q, opaque(0));
        CHECKF(q == NULL, "realloc(p, 0) = %p", (void *)q);
        free(q);
    }
    size_t after = check_status_kib("VmRSS:");
    CHECKF(after < before + 60 * 1024, "realloc(p, 0): %zu -> %zu KiB", before, after);
    free(NULL);
}

static void errno_kept_by_free(void)
{
    enum { count = 64 };
    static void *p[count];
    for (size_t n = 1; n <= 64 * MIB; n = n * 2 + (n & 7)) {
        size_t live = n > MIB ? 3 : count;
        for (size_t i = 0; i < live; i++) {
            p[i] = i % 4 ? malloc(n) : memalign(8192, n);
            REQUIRE(p[i] != NULL);
            *(char *)p[i] = 1;
        }
        for (size_t i = 0; i < live; i++) {
            errno = 4242 + (int)i;
            free(p[i]);
            CHECKF(errno == 4242 + (int)i, "free of %zu set errno %d", n, errno);
        }
    }
    errno = 4242;
    free(NULL);
    CHECK(errno == 4242);
}

int main(void)
{
    check_time_limit(60);
    impossible_sizes();
    overflowing_products();
    old_block_stays();
    bad_alignments();
    posix_answers();
    zero_sizes();
    errno_kept_by_free();
    return check_result();
}
