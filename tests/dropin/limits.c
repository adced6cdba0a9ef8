/* SPDX-License-Identifier: MIT */
/*
 * A small address space: under RLIMIT_AS = 400 MiB (set before the program starts anew) allocate
 * one size until NULL with ENOMEM, free all, and the next size must reach 60 % of the limit again.
 * Then threads start and allocate with nearly nothing left: NULL is an answer, a crash is not.
 */
#include "check.h"

#include <sys/mman.h>
#include <sys/resource.h>

#define LIMIT (400 * MIB)

typedef struct link_ {
    struct link_ *next;
} link_;

/* Allocate n bytes until it fails; the number of bytes that could be had. */
static size_t exhaust(size_t n, link_ **list)
{
    size_t total = 0;
    for (;;) {
        errno = 0;
        link_ *p = malloc(n);
        if (p == NULL) {
            CHECKF(errno == ENOMEM, "errno %d", errno);
            break;
        }
        p->next = *list;
        *list = p;
        total += n;
        REQUIRE(total < 2 * LIMIT);
    }
    CHECK(calloc(1, 2 * LIMIT) == NULL && errno == ENOMEM);
    return total;
}

static void free_all(link_ **list)
{
    while (*list != NULL) {
        link_ *next = (*list)->next;
        free(*list);
        *list = next;
    }
}

static void sizes_in_turn(void)
{
    static const size_t sizes[] = {1000, MIB, 64 * KIB, 100,       8 * MIB,  16 * KIB, 3 * MIB,
                                   40,   MIB, 256,      200 * KIB, 32 * MIB, 5000,     MIB};
    link_ *list = NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t n = sizes[i];
        /* Blocks of 40 bytes may cost as much again for what is around them. */
        size_t want = n >= 256 ? LIMIT / 100 * 60 : LIMIT / 100 * 40;
        size_t got = exhaust(n, &list);
        CHECKF(got >= want, "step %zu: %zu MiB in blocks of %zu, want %zu MiB", i, got / MIB, n,
               want / MIB);
        /* With memory short a block can still shrink, be freed, and room be used again. */
        for (int k = 0; k < 100 && list != NULL; k++) {
            link_ *one = list;
            list = list->next;
            free(one);
            one = malloc(n);
            CHECKF(one != NULL, "step %zu: the room of a freed block of %zu is lost", i, n);
            if (one == NULL) break;
            one->next = list;
            list = one;
        }
        free_all(&list);
    }
}

static void *short_of_memory(void *arg)
{
    (void)arg;
    for (size_t n = 1; n <= 4 * MIB; n = n * 2 + 1) {
        char *p = malloc(n);
        if (p != NULL) {
            p[0] = p[n - 1] = 1;
            char *q = realloc(p, n * 3);
            free(q ? q : p);
        }
    }
    return NULL;
}

enum { stack = 256 * 1024, rooms = 10 };
static char *stacks, *room[rooms];

static size_t room_size(size_t i) { return ((size_t)8192 << i) - 4096; /* 4 KiB to 4 MiB */ }

static char *reserve(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(p != MAP_FAILED);
    return p;
}

/* The threads' stacks are there beforehand; what is left is for the allocator alone. */
static void reserve_all(void)
{
    stacks = reserve(stack * 2);
    for (size_t i = 0; i < rooms; i++) room[i] = reserve(room_size(i));
}

static void threads_short_of_memory(void)
{
    link_ *list = NULL;
    for (size_t i = 0; i < rooms; i++) {
        for (size_t n = 64 * MIB; n >= 16; n /= 4) exhaust(n, &list);
        if (i > 0) /* the first time there is no room at all */
            munmap(room[i], room_size(i));
        for (size_t round = 0; round < 4; round++) {
            pthread_t t[2];
            size_t started = 0;
            pthread_attr_t attr;
            for (size_t k = 0; k < 2; k++) {
                REQUIRE_OK(pthread_attr_init(&attr));
                REQUIRE_OK(pthread_attr_setstack(&attr, stacks + k * stack, stack));
                int rc = pthread_create(&t[started], &attr, short_of_memory, NULL);
                CHECKF(rc == 0 || rc == EAGAIN || rc == ENOMEM, "pthread_create: %s", strerror(rc));
                started += rc == 0;
            }
            while (started > 0) REQUIRE_OK(pthread_join(t[--started], NULL));
        }
        free_all(&list);
    }
    /* After all that, memory is there again. */
    CHECK(exhaust(MIB, &list) >= LIMIT / 100 * 60);
    free_all(&list);
}

int main(int argc, char **argv)
{
    check_time_limit(60);
    if (argc < 2) {
        static char again[] = "limited";
        char *args[] = {argv[0], again, NULL};
        struct rlimit limit = {LIMIT, LIMIT};
        REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
        execv("/proc/self/exe", args);
        CHECKF(0, "execv: %s", strerror(errno));
        return 1;
    }
    reserve_all();
    sizes_in_turn();
    threads_short_of_memory();
    return check_result();
}
