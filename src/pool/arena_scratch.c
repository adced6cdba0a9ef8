/* SPDX-License-Identifier: MIT
 * arena_scratch.c: two arenas for each thread, so that one is free for scratch while the other, passed
 * down as the place for results, may be a caller's scratch. They end with their thread. */
#include "os/process.h"
#include "pool/arena_internal.h"

enum { SCRATCH_ARENAS = 2 };

static PKI_THREAD_LOCAL pk_arena scratch[SCRATCH_ARENAS];
static pki_thread_end_hook end_hook;

static void end_scratch(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < SCRATCH_ARENAS; i++) {
        pk_arena_fini(&scratch[i]);
    }
}

static bool is_among(const pk_arena *arena, pk_arena *const *conflicts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (conflicts[i] == arena) {
            return true;
        }
    }
    return false;
}

pk_arena *pk_scratch(pk_arena *const *conflicts, size_t n)
{
    for (unsigned i = 0; i < SCRATCH_ARENAS; i++) {
        pk_arena *arena = &scratch[i];
        if (!is_among(arena, conflicts, n)) {
            bool watched = pki_os_on_thread_end(&end_hook, end_scratch, scratch);
            return watched && pki_arena_open(arena) == PK_OK ? arena : NULL;
        }
    }
    return NULL;
}
