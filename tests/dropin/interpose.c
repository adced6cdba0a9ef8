/* SPDX-License-Identifier: MIT */
/*
 * The drop-in replaces the whole set: every name of the malloc family, the __libc_ names and all 22
 * operators new and delete are found in the library that malloc is found in. One left out would mix
 * two allocators in one process. Skipped with the C library's own malloc.
 */
#include "check.h"

static const char *const names[] = {
    "malloc",
    "free",
    "calloc",
    "realloc",
    "reallocarray",
    "memalign",
    "posix_memalign",
    "aligned_alloc",
    "valloc",
    "pvalloc",
    "malloc_usable_size",
    "malloc_trim",
    "malloc_stats",
    "malloc_info",
    "mallinfo",
    "mallinfo2",
    "mallopt",
    "free_sized",
    "free_aligned_sized",
    "cfree",
    "__libc_malloc",
    "__libc_free",
    "__libc_calloc",
    "__libc_realloc",
    "__libc_memalign",
    /* operator new: plain, array, nothrow, aligned, aligned nothrow */
    "_Znwm",
    "_Znam",
    "_ZnwmRKSt9nothrow_t",
    "_ZnamRKSt9nothrow_t",
    "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t",
    "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t",
    /* operator delete: the same, and sized, sized aligned */
    "_ZdlPv",
    "_ZdaPv",
    "_ZdlPvRKSt9nothrow_t",
    "_ZdaPvRKSt9nothrow_t",
    "_ZdlPvSt11align_val_t",
    "_ZdaPvSt11align_val_t",
    "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
    "_ZdlPvm",
    "_ZdaPvm",
    "_ZdlPvmSt11align_val_t",
    "_ZdaPvmSt11align_val_t",
};

int main(void)
{
    check_time_limit(10);
    if (check_plain_libc()) check_skip("no drop-in is preloaded");
    Dl_info home, info;
    void *sym = dlsym(RTLD_DEFAULT, "malloc");
    REQUIRE(sym != NULL && dladdr(sym, &home) != 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        sym = dlsym(RTLD_DEFAULT, names[i]);
        CHECKF(sym != NULL, "%s is not there", names[i]);
        if (sym != NULL && dladdr(sym, &info) != 0)
            CHECKF(info.dli_fbase == home.dli_fbase, "%s comes from %s", names[i], info.dli_fname);
    }
    /* A program in C stays one: the drop-in pulls in no C++ runtime. */
    CHECK(dlopen("libstdc++.so.6", RTLD_NOLOAD | RTLD_NOW) == NULL);
    return check_result();
}
