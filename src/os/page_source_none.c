/* SPDX-License-Identifier: MIT
 * page_source_none.c: pk_os_pages where there is no operating system, instead of
 * pool/page_source_os.c: a pool that is given neither a buffer nor a source finds no memory. */
#include <poolkit/page_source.h>

static void *map_none(void *ctx, size_t n, size_t align, unsigned *got)
{
    (void)ctx, (void)n, (void)align;
    *got = 0;
    return NULL;
}

/* Never called: nothing was ever mapped. */
static void unmap_none(void *ctx, void *p, size_t n) { (void)ctx, (void)p, (void)n; }

pk_page_source pk_os_pages(void)
{
    static const pk_page_source_ops ops = {
        .size = sizeof ops, .map = map_none, .unmap = unmap_none, .granule = 16};
    return (pk_page_source){&ops, NULL};
}
