/* SPDX-License-Identifier: MIT */
/*
 * Allocation before main and after it: from .preinit_array (before the constructor of any library),
 * constructors of every priority, atexit handlers and destructors. Blocks of the first step live to
 * the last one.
 */
#include "check.h"

enum { blocks = 200 };

static unsigned char *from_preinit[blocks], *from_constructor[blocks];
static int step;

static void take(unsigned char **p, uint64_t seed)
{
    for (size_t i = 0; i < blocks; i++) {
        size_t n = i * i * 3 + 1;
        p[i] = i % 3 == 0 ? malloc(n) : i % 3 == 1 ? calloc(1, n) : memalign(128, n);
        REQUIRE(p[i] != NULL);
        pattern_fill(p[i], n, seed + i);
    }
}

static void give_back(unsigned char **p, uint64_t seed)
{
    for (size_t i = 0; i < blocks; i++) {
        size_t n = i * i * 3 + 1, at = pattern_check(p[i], n, seed + i);
        CHECKF(at == n, "block %zu of %zu changed at %zu", i, n, at);
        free(p[i]);
    }
}

static void preinit(void)
{
    take(from_preinit, 1);
    free(realloc(malloc(10), MIB));
    step = 1;
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = preinit;

__attribute__((constructor(101))) static void constructor_first(void)
{
    CHECK(step == 1);
    take(from_constructor, 1000);
    step = 2;
}

static void *in_thread(void *arg)
{
    free(arg);
    return malloc(100);
}

__attribute__((constructor)) static void constructor_last(void)
{
    CHECK(step == 2);
    pthread_t t;
    void *left = NULL;
    REQUIRE_OK(pthread_create(&t, NULL, in_thread, malloc(3000)));
    REQUIRE_OK(pthread_join(t, &left));
    free(left);
    step = 3;
}

__attribute__((destructor)) static void destructor_first(void)
{
    CHECK(step == 5);
    give_back(from_constructor, 1000);
    take(from_constructor, 2000);
    step = 6;
}

__attribute__((destructor(101))) static void destructor_last(void)
{
    CHECK(step == 6);
    give_back(from_constructor, 2000);
    give_back(from_preinit, 1);
    for (size_t n = 1; n < 4 * MIB; n *= 2) free(calloc(1, n));
    if (check_result() != 0) _exit(1);
}

static void at_exit(void)
{
    CHECK(step == 4);
    take(&from_preinit[0], 1); /* the old ones were given back in main */
    step = 5;
}

int main(void)
{
    check_time_limit(20);
    CHECK(step == 3);
    REQUIRE(atexit(at_exit) == 0);
    give_back(from_preinit, 1);
    step = 4;
    return check_result();
}
