/* SPDX-License-Identifier: MIT
 * emulated_kernel.c: preloaded into tests that run under qemu, which knows nothing of
 * MREMAP_DONTUNMAP and takes the old place for unmapped. Refuses it, as kernels before 5.7 do. */
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

void *mremap(void *p, size_t old_size, size_t new_size, int flags, ...)
{
    if (flags & MREMAP_DONTUNMAP) {
        errno = EINVAL;
        return MAP_FAILED;
    }
    void *to = NULL;
    if (flags & MREMAP_FIXED) {
        va_list more;
        va_start(more, flags);
        to = va_arg(more, void *);
        va_end(more);
    }
    return (void *)syscall(SYS_mremap, p, old_size, new_size, flags, to);
}
