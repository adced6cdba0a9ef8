/* SPDX-License-Identifier: MIT
 * kept_chunks.c: chunks go on a stack instead of to the system. Only whole chunks of a heap are kept,
 * all of one size; large blocks have sizes of their own and go. There is no purge: what one state has
 * touched, the next one will.
 */
#include "kept_chunks.h"

enum { CHUNK = 4 << 20 };

static void *take(void *arg, size_t n, size_t align, unsigned *got)
{
    kept_chunks *kept = arg;
    if (n == CHUNK && kept->n > 0) {
        *got = 0; /* not zero: full of what was there before */
        return kept->chunk[--kept->n];
    }
    pk_page_source system = pk_os_pages();
    return system.ops->map(system.ctx, n, align, got);
}

static void give(void *arg, void *p, size_t n)
{
    kept_chunks *kept = arg;
    if (n == CHUNK && kept->n < KEPT_CHUNKS) {
        kept->chunk[kept->n++] = p;
        return;
    }
    pk_page_source system = pk_os_pages();
    system.ops->unmap(system.ctx, p, n);
}

pk_page_source kept_chunks_source(kept_chunks *kept)
{
    static const pk_page_source_ops ops = {.size = sizeof ops, .map = take, .unmap = give};
    return (pk_page_source){&ops, kept};
}

void kept_chunks_drop(kept_chunks *kept)
{
    pk_page_source system = pk_os_pages();
    while (kept->n > 0) {
        system.ops->unmap(system.ctx, kept->chunk[--kept->n], CHUNK);
    }
}
