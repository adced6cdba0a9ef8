/* SPDX-License-Identifier: MIT
 * pages_linux.c: pages.h on Linux. Committed ranges are mapped without swap reservation: memory is
 * charged when it is touched, and what is never touched costs nothing. */
#include "os/pages.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"

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

static void *map_anonymous(size_t size, int protection)
{
    void *p = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Gives back what lies before and behind the aligned part of a mapping that was made too large. */
static void *trim_to_alignment(char *p, size_t mapped, size_t size, size_t align)
{
    char *aligned = (char *)pki_align_up((uintptr_t)p, align);
    size_t before = (size_t)(aligned - p);
    size_t behind = mapped - before - size;
    bool trimmed = (before == 0 || munmap(p, before) == 0) &&
                   (behind == 0 || munmap(aligned + size, behind) == 0);
    if (!trimmed) {
        munmap(p, mapped); /* the map count is exhausted: as if there were no addresses */
        return NULL;
    }
    return aligned;
}

/* The kernel places mappings one below the other, so that the place right below an aligned range is
 * often aligned too: try the exact size before asking for more and cutting it. */
static void *map_aligned(size_t size, size_t align, int protection)
{
    int saved_errno = errno;
    char *p = map_anonymous(size, protection);
    if (p != NULL && ((uintptr_t)p & (align - 1)) != 0) {
        munmap(p, size);
        p = NULL;
        size_t mapped = size + align - pki_os_page_size();
        if (mapped >= size && (p = map_anonymous(mapped, protection)) != NULL) {
            p = trim_to_alignment(p, mapped, size, align);
        }
    }
    if (p != NULL) {
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

bool pki_os_release(void *p, size_t size) { return munmap(p, size) == 0; }

bool pki_os_guard(void *p, size_t size) { return mprotect(p, size, PROT_NONE) == 0; }

bool pki_os_huge_pages(void *p, size_t size, bool wanted)
{
    return madvise(p, size, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0;
}

bool pki_os_extend(void *p, size_t old_size, size_t new_size)
{
    return mremap(p, old_size, new_size, 0) != MAP_FAILED;
}

bool pki_os_move(void *p, size_t old_size, void *to, size_t new_size)
{
    return mremap(p, old_size, new_size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED;
}
