/* SPDX-License-Identifier: MIT
 * pages_linux.c: pages.h on Linux. Committed ranges are mapped without swap reservation: memory is
 * charged when it is touched, and what is never touched costs nothing. */
#include "os/pages.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/watch.h"

#ifndef PR_SET_VMA /* in headers since Linux 5.17 */
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

size_t pki_os_page_size(void)
{
    static _Atomic size_t known; /* relaxed: every thread would write the same value */
    size_t size = atomic_load_explicit(&known, memory_order_relaxed);
    if (pki_unlikely(size == 0)) {
        size = (size_t)sysconf(_SC_PAGESIZE);
        atomic_store_explicit(&known, size, memory_order_relaxed);
    }
    return size;
}

static void *map_anonymous(void *wish, size_t size, int protection)
{
    void *p = mmap(wish, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Gives back what lies before and behind the aligned part of a mapping that was made too large. If
 * the system refuses (the map count is exhausted), addresses are lost, but no memory. */
static void *trim_to_alignment(char *p, size_t mapped, size_t size, size_t align)
{
    char *aligned = (char *)pki_align_up((uintptr_t)p, align);
    size_t before = (size_t)(aligned - p);
    size_t behind = mapped - before - size;
    if (before > 0) {
        munmap(p, before);
    }
    if (behind > 0) {
        munmap(aligned + size, behind);
    }
    return aligned;
}

/* Where the next aligned range probably fits: below the last one, or where one was released. Only a
 * wish to the kernel, hence relaxed. It saves mapping more and cutting it: 1 call instead of 5. */
static _Atomic uintptr_t wished_address;
enum { USER_ADDRESS_BITS = 47 };     /* beyond it the kernel gives addresses only when asked */
enum { WISHED_ALIGNMENT = 1 << 21 }; /* the beginning of a range, not the end of one that was cut */

static void *map_at_wish(size_t size, size_t align, int protection)
{
    uintptr_t wish = atomic_load_explicit(&wished_address, memory_order_relaxed);
    wish =
        wish >> USER_ADDRESS_BITS == 0 ? pki_align_down(wish, align) : 0; /* it may have wrapped */
    void *p = map_anonymous((void *)wish, size, protection);
    if (p != NULL && ((uintptr_t)p & (align - 1)) != 0) {
        munmap(p, size);
        p = NULL;
    }
    return p;
}

static void *map_and_trim(size_t size, size_t align, int protection)
{
    size_t mapped = size + align - pki_os_page_size();
    char *p = mapped < size ? NULL : map_anonymous(NULL, mapped, protection);
    return p == NULL ? NULL : trim_to_alignment(p, mapped, size, align);
}

static void *map_aligned(size_t size, size_t align, int protection)
{
    if (align <= pki_os_page_size()) {
        return map_anonymous(NULL, size, protection);
    }
    int saved_errno = errno;
    char *p = map_at_wish(size, align, protection);
    if (p == NULL) {
        p = map_and_trim(size, align, protection);
    }
    if (p != NULL) {
        atomic_store_explicit(&wished_address, (uintptr_t)p - pki_align_up(size, align),
                              memory_order_relaxed);
        errno = saved_errno;
    }
    return p;
}

void *pki_os_reserve(size_t size, size_t align) { return map_aligned(size, align, PROT_NONE); }

void *pki_os_map(size_t size, size_t align)
{
    return map_aligned(size, align, PROT_READ | PROT_WRITE);
}

bool pki_os_commit(void *p, size_t size) { return mprotect(p, size, PROT_READ | PROT_WRITE) == 0; }

bool pki_os_purge(void *p, size_t size) { return madvise(p, size, MADV_DONTNEED) == 0; }

/* Whoever is given these addresses next finds nothing hidden there. */
bool pki_os_release(void *p, size_t size)
{
    pki_watch_show(p, size, false);
    if (munmap(p, size) != 0) {
        return false;
    }
    if (((uintptr_t)p & (WISHED_ALIGNMENT - 1)) == 0) {
        atomic_store_explicit(&wished_address, (uintptr_t)p, memory_order_relaxed);
    }
    return true;
}

bool pki_os_guard(void *p, size_t size) { return mprotect(p, size, PROT_NONE) == 0; }

/* ---- many guards ---- */

#if !defined(MADV_GUARD_INSTALL)
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

enum { SHUT_MAX = 16384 }; /* each splits a mapping in three */

/* Is the kernel new enough? Asked once, of a page of our own: later it may refuse for other reasons. */
static bool has_guards(void)
{
    static _Atomic int known; /* 1 yes, 2 no; relaxed: each thread finds the same */
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (pki_unlikely(answer == 0)) {
        size_t page = pki_os_page_size();
        char *probe = map_anonymous(NULL, page, PROT_READ | PROT_WRITE);
        answer = probe != NULL && madvise(probe, page, MADV_GUARD_INSTALL) == 0 ? 1 : 2;
        if (probe != NULL) {
            munmap(probe, page);
        }
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer == 1;
}

static _Atomic unsigned shut_by_mapping; /* relaxed: a bound */

static bool shut_by_mprotect(void *p, size_t size)
{
    unsigned before = atomic_fetch_add_explicit(&shut_by_mapping, 1, memory_order_relaxed);
    if (before < SHUT_MAX && mprotect(p, size, PROT_NONE) == 0) {
        madvise(p, size, MADV_DONTNEED);
        return true;
    }
    atomic_fetch_sub_explicit(&shut_by_mapping, 1, memory_order_relaxed);
    return false;
}

bool pki_os_shut(void *p, size_t size)
{
    int saved_errno = errno;
    bool shut =
        has_guards() ? madvise(p, size, MADV_GUARD_INSTALL) == 0 : shut_by_mprotect(p, size);
    errno = saved_errno;
    return shut;
}

bool pki_os_open(void *p, size_t size)
{
    int saved_errno = errno;
    bool open = has_guards() ? madvise(p, size, MADV_GUARD_REMOVE) == 0
                             : mprotect(p, size, PROT_READ | PROT_WRITE) == 0;
    if (open && !has_guards()) {
        atomic_fetch_sub_explicit(&shut_by_mapping, 1, memory_order_relaxed);
    }
    errno = saved_errno;
    return open;
}

bool pki_os_huge_pages(void *p, size_t size, bool wanted)
{
    int saved_errno = errno; /* a kernel without them refuses */
    bool taken = madvise(p, size, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0;
    errno = saved_errno;
    return taken;
}

/* Linux 5.17 with CONFIG_ANON_VMA_NAME; without, EINVAL. */
bool pki_os_name(void *p, size_t size, const char *name)
{
    int saved_errno = errno;
    bool known = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, size, name) == 0 || errno != EINVAL;
    errno = saved_errno;
    return known;
}

bool pki_os_extend(void *p, size_t old_size, size_t new_size)
{
    return mremap(p, old_size, new_size, 0) != MAP_FAILED;
}

bool pki_os_move(void *p, size_t old_size, void *to, size_t new_size)
{
    return mremap(p, old_size, new_size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED;
}

bool pki_os_move_contents(void *p, size_t size, void *to)
{
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    return mremap(p, size, size, flags, to) != MAP_FAILED;
}
