/* SPDX-License-Identifier: MIT */
/*
 * What is in the blocks: calloc gives zeros from memory that was dirty, realloc keeps the content
 * up and down across every size boundary, no two live blocks overlap, blocks handed to other
 * threads arrive whole.
 */
#include "check.h"

static size_t first_not_zero(const unsigned char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] == 0) i++;
    return i;
}

/* Dirty `live` blocks of n bytes, free them, take them back by calloc. */
static void zero_one_size(size_t n, size_t live)
{
    enum { most = 64 };
    unsigned char *p[most];
    for (size_t i = 0; i < live; i++) {
        p[i] = malloc(n);
        REQUIRE(p[i] != NULL);
        memset(p[i], 0xa5, malloc_usable_size(p[i]));
    }
    for (size_t i = 0; i < live; i++) free(p[i]);
    for (size_t i = 0; i < live; i++) {
        p[i] = i % 2 ? calloc(1, n) : calloc(n, 1);
        REQUIRE(p[i] != NULL);
        size_t at = first_not_zero(p[i], n);
        CHECKF(at == n, "calloc of %zu: byte %zu is %#x", n, at, p[i][at < n ? at : 0]);
        memset(p[i], 0x5a, n);
    }
    for (size_t i = 0; i < live; i++) free(p[i]);
}

static void calloc_zero(void)
{
    for (size_t n = 1; n <= 4100; n++) zero_one_size(n, 12);
    for (size_t n = 4100; n <= 140000; n += 997) zero_one_size(n, 8);
    for (size_t n = 140000; n <= 4 * MIB; n += 150001) zero_one_size(n, 3);
    for (size_t bit = 12; bit <= 22; bit++)
        for (size_t d = 0; d < 5; d++) zero_one_size(((size_t)1 << bit) - 2 + d, 3);
    /* Split and merged memory: dirty blocks of one size come back as another. */
    check_rng r = {UINT64_C(0x2545f4914f6cdd1d)};
    enum { live = 500 };
    static unsigned char *p[live];
    for (size_t step = 0; step < 60000; step++) {
        size_t i = rng_below(&r, live), n = rng_size(&r, 15);
        free(p[i]);
        if (rng_below(&r, 2)) {
            p[i] = calloc(1, n);
            REQUIRE(p[i] != NULL);
            size_t at = first_not_zero(p[i], n);
            CHECKF(at == n, "random calloc of %zu: byte %zu", n, at);
        } else {
            p[i] = malloc(n);
            REQUIRE(p[i] != NULL);
        }
        memset(p[i], 0xc3, n);
    }
    for (size_t i = 0; i < live; i++) {
        free(p[i]);
        p[i] = NULL;
    }
}

static void realloc_pair(size_t from, size_t to)
{
    unsigned char *p = malloc(from);
    REQUIRE(p != NULL);
    int whole = from + to <= 70000;
    if (whole)
        pattern_fill(p, from, from ^ to);
    else
        sparse_fill(p, from, from ^ to);
    unsigned char *q = realloc(p, to);
    REQUIRE(q != NULL);
    size_t keeps = from < to ? from : to;
    size_t at;
    if (whole || from <= to)
        at = whole ? pattern_check(q, keeps, from ^ to) : sparse_check(q, keeps, from ^ to);
    else { /* shrunk: compare the sparse places that are still inside */
        size_t head = keeps < 64 ? keeps : 64;
        at = pattern_check(q, head, from ^ to);
        at = at == head ? keeps : at;
        for (size_t i = 512; i < keeps; i += 512)
            if (q[i] != pattern_byte(from ^ to, i)) at = i;
    }
    CHECKF(at == keeps, "realloc(%zu -> %zu) lost byte %zu", from, to, at);
    if (whole)
        memset(q, 0x77, to);
    else
        sparse_fill(q, to, to);
    free(q);
}

static void realloc_keeps(void)
{
    static size_t edge[200];
    size_t count = 0;
    for (size_t n = 1; n <= 8 * MIB; n *= 2) {
        edge[count++] = n;
        edge[count++] = n + 1;
        if (n > 2) edge[count++] = n - 1;
        if (n > 8) edge[count++] = n + n / 2;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            int large = edge[i] > MIB || edge[k] > MIB;
            if (!large || (i + k) % 3 == 0) realloc_pair(edge[i], edge[k]);
        }
    /* One block that grows in many small steps, then shrinks, with others between. */
    unsigned char *p = NULL;
    size_t n = 0;
    for (size_t step = 1; n < 8 * MIB; step++) {
        size_t m = n + 1 + n / 9;
        p = realloc(p, m);
        REQUIRE(p != NULL);
        for (size_t i = n; i < m; i++) p[i] = pattern_byte(7, i);
        n = m;
        void *between = malloc(step * 40);
        if (step % 16 == 0) CHECKF(pattern_check(p, n, 7) == n, "growing block of %zu", n);
        free(between);
    }
    CHECKF(pattern_check(p, n, 7) == n, "grown block of %zu", n);
    while (n > 3) {
        n -= n / 5 + 1;
        p = realloc(p, n);
        REQUIRE(p != NULL);
        if (n < 100000) CHECKF(pattern_check(p, n, 7) == n, "shrinking block of %zu", n);
    }
    free(p);
}

static void no_overlap(void)
{
    enum { live = 4096 };
    static struct {
        unsigned char *p;
        size_t n;
        uint64_t seed;
    } t[live];
    check_rng r = {UINT64_C(0x9e3779b97f4a7c15)};
    for (size_t step = 0; step < 300000; step++) {
        size_t i = rng_below(&r, live);
        size_t n = rng_below(&r, 400) ? rng_size(&r, 11) : rng_size(&r, 19);
        if (t[i].p != NULL) {
            size_t at = pattern_check(t[i].p, t[i].n, t[i].seed);
            CHECKF(at == t[i].n, "block of %zu changed at byte %zu", t[i].n, at);
            if (rng_below(&r, 4) == 0) {
                unsigned char *q = realloc(t[i].p, n);
                REQUIRE(q != NULL);
                size_t keeps = n < t[i].n ? n : t[i].n;
                at = pattern_check(q, keeps, t[i].seed);
                CHECKF(at == keeps, "realloc(%zu -> %zu) lost byte %zu", t[i].n, n, at);
                t[i].p = q;
            } else {
                free(t[i].p);
                t[i].p = NULL;
                continue;
            }
        } else {
            t[i].p = malloc(n);
            REQUIRE(t[i].p != NULL);
        }
        t[i].n = n;
        t[i].seed = rng_next(&r);
        pattern_fill(t[i].p, n, t[i].seed);
    }
    for (size_t i = 0; i < live; i++) free(t[i].p);
}

/* Blocks carry their size and seed in front; threads swap them through shared places. */
typedef struct {
    size_t n;
    uint64_t seed;
} head;

enum { places = 512, swappers = 4 };
static head *place[places];

static void *swapper(void *arg)
{
    check_rng r = {(uint64_t)(uintptr_t)arg * UINT64_C(0x9e3779b97f4a7c15)};
    for (size_t step = 0; step < 60000; step++) {
        head *h = NULL;
        if (rng_below(&r, 8)) {
            size_t n = sizeof *h + rng_size(&r, 10);
            h = malloc(n);
            REQUIRE(h != NULL);
            h->n = n - sizeof *h;
            h->seed = rng_next(&r);
            pattern_fill(h + 1, h->n, h->seed);
        }
        h = __atomic_exchange_n(&place[rng_below(&r, places)], h, __ATOMIC_ACQ_REL);
        if (h != NULL) {
            size_t at = pattern_check(h + 1, h->n, h->seed);
            CHECKF(at == h->n, "handed block of %zu changed at byte %zu", h->n, at);
            if (rng_below(&r, 3) == 0) {
                head *g = realloc(h, sizeof *h + h->n * 2);
                REQUIRE(g != NULL);
                at = pattern_check(g + 1, g->n, g->seed);
                CHECKF(at == g->n, "handed and resized block of %zu, byte %zu", g->n, at);
                h = g;
            }
            free(h);
        }
    }
    return NULL;
}

static void hand_over(void)
{
    pthread_t t[swappers];
    for (size_t i = 0; i < swappers; i++)
        REQUIRE_OK(pthread_create(&t[i], NULL, swapper, (void *)(uintptr_t)(i + 1)));
    for (size_t i = 0; i < swappers; i++) REQUIRE_OK(pthread_join(t[i], NULL));
    for (size_t i = 0; i < places; i++) free(place[i]);
}

int main(void)
{
    check_time_limit(60);
    calloc_zero();
    realloc_keeps();
    no_overlap();
    hand_over();
    return check_result();
}
