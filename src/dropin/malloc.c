/* SPDX-License-Identifier: MIT
 * malloc.c: the names of malloc's family on the process heap, with the promises of C11, POSIX and
 * glibc: 16-byte alignment, errno ENOMEM or EINVAL, errno kept by free, realloc(p, 0) frees.
 *
 * Start-up needs no constructor: the first call in a thread finds pki_me naming nobody and makes
 * an owner. Nothing here allocates through libc. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap/heap_internal.h"
#include "os/pages.h"
#include "slab/idle.h"

#define EXPORT __attribute__((visibility("default")))

/* glibc's own names: another C library declares none of them, but programs may look them up. */
EXPORT void *pvalloc(size_t n);
EXPORT int malloc_trim(size_t keep);
EXPORT void malloc_stats(void);
EXPORT int malloc_info(int options, FILE *out);
EXPORT int mallopt(int parameter, int value);

PKI_CONSTRUCTOR static void allow_idle_purge(void) { pki_idle_allow(&pki_process_heap.space); }

/* ---- C11 ---- */

EXPORT void *malloc(size_t n) { return pki_process_alloc(n); }

EXPORT void free(void *p) { pki_free(p); }

EXPORT void *calloc(size_t count, size_t size)
{
    size_t n;
    if (pki_unlikely(!pki_multiply(count, size, &n))) {
        errno = ENOMEM;
        return NULL;
    }
    if (pki_likely(n <= PKI_SMALL_MAX)) {
        void *p = pki_small_alloc(pki_me, n);
        if (pki_likely(p != NULL)) {
            return memset(p, 0, n);
        }
    }
    return pki_heap_alloc_slow(&pki_process_heap,
                               (pki_request){n, PK_ALIGN, true, false, PKI_CALLER});
}

EXPORT void *realloc(void *p, size_t n)
{
    if (p == NULL) {
        return pki_process_alloc(n);
    }
    if (n == 0) {
        pki_free(p);
        return NULL;
    }
    return pki_heap_realloc_from(p, n, PKI_CALLER);
}

/* Not by our own exported name: a counting library in front of us would see two calls. */
PKI_INLINE void *alloc_aligned(size_t align, size_t n)
{
    if (pki_unlikely(!pki_is_power_of_two(align))) {
        errno = EINVAL;
        return NULL;
    }
    return pki_process_alloc_aligned(n, pki_max(align, PK_ALIGN));
}

EXPORT void *aligned_alloc(size_t align, size_t n) { return alloc_aligned(align, n); }

/* ---- C23 ---- */

EXPORT void free_sized(void *p, size_t n);
EXPORT void free_sized(void *p, size_t n) { pki_free_sized(p, n); }

EXPORT void free_aligned_sized(void *p, size_t align, size_t n);
EXPORT void free_aligned_sized(void *p, size_t align, size_t n)
{
    (void)align;
    pki_free_sized(p, n);
}

/* ---- POSIX, BSD and glibc ---- */

EXPORT int posix_memalign(void **out, size_t align, size_t n)
{
    if (!pki_is_power_of_two(align) || align % sizeof(void *) != 0) {
        return EINVAL;
    }
    int saved_errno = errno;
    void *p = alloc_aligned(align, n);
    errno = saved_errno;
    if (p == NULL) {
        return ENOMEM;
    }
    *out = p;
    return 0;
}

/* glibc rounds an alignment that is no power of two up to one. */
EXPORT void *memalign(size_t align, size_t n)
{
    if (align > (size_t)1 << 63) {
        errno = EINVAL;
        return NULL;
    }
    size_t power = PK_ALIGN;
    while (power < align) {
        power *= 2;
    }
    return alloc_aligned(power, n);
}

EXPORT void *valloc(size_t n) { return alloc_aligned(pki_os_page_size(), n); }

EXPORT void *pvalloc(size_t n)
{
    size_t page = pki_os_page_size();
    if (n > PTRDIFF_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    return alloc_aligned(page, pki_align_up(n, page));
}

EXPORT void *reallocarray(void *p, size_t count, size_t size)
{
    size_t n;
    if (!pki_multiply(count, size, &n)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, n);
}

EXPORT void cfree(void *p);
EXPORT void cfree(void *p) { pki_free(p); }

EXPORT size_t malloc_usable_size(void *p) { return pk_heap_usable(p); }

EXPORT int malloc_trim(size_t keep) { return pk_heap_trim(pk_heap_process(), keep) > 0; }

/* ---- reports ---- */

#if defined(__GLIBC__) /* others have no such structs */
EXPORT struct mallinfo2 mallinfo2(void)
{
    pk_stats stats;
    pk_heap_stats(pk_heap_process(), &stats);
    return (struct mallinfo2){
        .arena = (size_t)stats.committed,
        .ordblks = (size_t)stats.n_chunks,
        .uordblks = (size_t)stats.live,
        .fordblks = (size_t)(stats.free_in_chunks + stats.untouched),
        .keepcost = (size_t)stats.free_in_chunks,
        .usmblks = (size_t)stats.committed_peak,
    };
}

static int clamp_to_int(size_t n) { return n > INT32_MAX ? INT32_MAX : (int)n; }

EXPORT struct mallinfo mallinfo(void)
{
    struct mallinfo2 wide = mallinfo2();
    return (struct mallinfo){
        .arena = clamp_to_int(wide.arena),
        .ordblks = clamp_to_int(wide.ordblks),
        .uordblks = clamp_to_int(wide.uordblks),
        .fordblks = clamp_to_int(wide.fordblks),
        .keepcost = clamp_to_int(wide.keepcost),
        .usmblks = clamp_to_int(wide.usmblks),
    };
}
#endif

EXPORT void malloc_stats(void)
{
    pk_stats s;
    pk_heap_stats(pk_heap_process(), &s);
    fprintf(stderr,
            "poolkit: process heap: %llu bytes in %llu blocks; %llu free, %llu untouched, "
            "%llu overhead; %llu committed in %llu chunks; %llu owners\n",
            (unsigned long long)s.live, (unsigned long long)s.n_live,
            (unsigned long long)s.free_in_chunks, (unsigned long long)s.untouched,
            (unsigned long long)s.overhead, (unsigned long long)s.committed,
            (unsigned long long)s.n_chunks, (unsigned long long)s.n_owners);
}

PKI_DESTRUCTOR static void look_at_exit(void) { pki_checked_at_exit(&pki_process_heap); }

EXPORT int malloc_info(int options, FILE *out)
{
    if (options != 0) {
        errno = EINVAL;
        return -1;
    }
    pk_stats s;
    pk_heap_stats(pk_heap_process(), &s);
    fprintf(out,
            "<malloc version=\"poolkit-%s\">\n<total type=\"live\" count=\"%llu\" size=\"%llu\"/>\n"
            "<total type=\"free\" size=\"%llu\"/>\n<system type=\"current\" size=\"%llu\"/>\n"
            "</malloc>\n",
            pk_version(), (unsigned long long)s.n_live, (unsigned long long)s.live,
            (unsigned long long)s.free_in_chunks, (unsigned long long)s.committed);
    return 0;
}

/* glibc's parameters have no meaning here: 0 says that the value was not taken. */
EXPORT int mallopt(int parameter, int value)
{
    (void)parameter;
    (void)value;
    return 0;
}

/* ---- names by which libc's own functions are reached ---- */

EXPORT void *__libc_malloc(size_t n);
EXPORT void __libc_free(void *p);
EXPORT void *__libc_calloc(size_t count, size_t size);
EXPORT void *__libc_realloc(void *p, size_t n);
EXPORT void *__libc_memalign(size_t align, size_t n);
EXPORT void *__libc_valloc(size_t n);
EXPORT void *__libc_pvalloc(size_t n);
EXPORT int __posix_memalign(void **out, size_t align, size_t n);

void *__libc_malloc(size_t n) { return malloc(n); }
void __libc_free(void *p) { free(p); }
void *__libc_calloc(size_t count, size_t size) { return calloc(count, size); }
void *__libc_realloc(void *p, size_t n) { return realloc(p, n); }
void *__libc_memalign(size_t align, size_t n) { return memalign(align, n); }
void *__libc_valloc(size_t n) { return valloc(n); }
void *__libc_pvalloc(size_t n) { return pvalloc(n); }
int __posix_memalign(void **out, size_t align, size_t n) { return posix_memalign(out, align, n); }
