/* SPDX-License-Identifier: MIT
 * faults.h: lets chosen calls to the system fail. The test is linked with --wrap for the five calls
 * of src/os/pages_linux.c; a plan says which of them fails, from which call on, and how often. */
#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

typedef enum { CALL_MMAP, CALL_MUNMAP, CALL_MADVISE, CALL_MPROTECT, CALL_MREMAP, CALLS } call_kind;

static const char *const call_names[CALLS] = {"mmap", "munmap", "madvise", "mprotect", "mremap"};

/* Any thread may call; the plan changes only while one thread runs. */
static struct {
    _Atomic bool armed;
    _Atomic bool fired;
    call_kind kind;
    size_t at; /* the number of the first call that fails, from 1 */
    bool for_ever;
    _Atomic size_t calls[CALLS]; /* made while armed */
} faults;

static inline void faults_plan(call_kind kind, size_t at, bool for_ever)
{
    for (unsigned i = 0; i < CALLS; i++) atomic_store(&faults.calls[i], 0);
    atomic_store(&faults.fired, false);
    faults.kind = kind;
    faults.at = at;
    faults.for_ever = for_ever;
}

/* Returns what it was before. */
static inline bool faults_arm(bool armed) { return atomic_exchange(&faults.armed, armed); }

static inline bool call_fails(call_kind kind)
{
    if (!atomic_load(&faults.armed)) return false;
    size_t number = atomic_fetch_add(&faults.calls[kind], 1) + 1;
    bool fails =
        kind == faults.kind && (faults.for_ever ? number >= faults.at : number == faults.at);
    if (fails) {
        atomic_store(&faults.fired, true);
        errno = ENOMEM;
    }
    return fails;
}

void *__real_mmap(void *p, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *p, size_t size);
int __real_madvise(void *p, size_t size, int advice);
int __real_mprotect(void *p, size_t size, int protection);
void *__real_mremap(void *p, size_t old_size, size_t new_size, int flags, ...);
void *__wrap_mmap(void *p, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *p, size_t size);
int __wrap_madvise(void *p, size_t size, int advice);
int __wrap_mprotect(void *p, size_t size, int protection);
void *__wrap_mremap(void *p, size_t old_size, size_t new_size, int flags, ...);

void *__wrap_mmap(void *p, size_t size, int protection, int flags, int fd, off_t offset)
{
    return call_fails(CALL_MMAP) ? MAP_FAILED : __real_mmap(p, size, protection, flags, fd, offset);
}

int __wrap_munmap(void *p, size_t size)
{
    return call_fails(CALL_MUNMAP) ? -1 : __real_munmap(p, size);
}

int __wrap_madvise(void *p, size_t size, int advice)
{
    return call_fails(CALL_MADVISE) ? -1 : __real_madvise(p, size, advice);
}

int __wrap_mprotect(void *p, size_t size, int protection)
{
    return call_fails(CALL_MPROTECT) ? -1 : __real_mprotect(p, size, protection);
}

void *__wrap_mremap(void *p, size_t old_size, size_t new_size, int flags, ...)
{
    if (call_fails(CALL_MREMAP)) return MAP_FAILED;
    if (!(flags & MREMAP_FIXED)) return __real_mremap(p, old_size, new_size, flags);
    va_list rest;
    va_start(rest, flags);
    void *to = va_arg(rest, void *);
    va_end(rest);
    return __real_mremap(p, old_size, new_size, flags, to);
}

#endif /* TEST_FAULTS_H */
