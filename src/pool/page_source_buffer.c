/* SPDX-License-Identifier: MIT
 * page_source_buffer.c: a caller's buffer as a page source. It asks nothing of the system. */
#include <poolkit/page_source.h>

#include "base/bits.h"

static void *buffer_map(void *ctx, size_t n, size_t align, unsigned *got)
{
    pk_buffer_source *buffer = ctx;
    *got = 0;
    size_t skip = pki_align_up((uintptr_t)buffer->at, align) - (uintptr_t)buffer->at;
    size_t room = (size_t)(buffer->end - buffer->at);
    if (skip > room || n > room - skip) {
        return NULL;
    }
    char *p = buffer->at + skip;
    buffer->at = p + n;
    return p;
}

/* Stands in a piece that was given back before those behind it: room for it is 16 bytes. */
typedef struct hole {
    struct hole *next; /* nearer to the begin */
    char *end;
} hole;

static void buffer_unmap(void *ctx, void *p, size_t n)
{
    pk_buffer_source *buffer = ctx;
    hole **place = (hole **)(void *)&buffer->holes;
    while (*place != NULL && (char *)*place > (char *)p) {
        place = &(*place)->next;
    }
    hole *given = p;
    *given = (hole){*place, (char *)p + n};
    *place = given;
    hole *last = buffer->holes;
    while (last != NULL && buffer->at - last->end < 16) { /* less: lost to alignment */
        buffer->at = (char *)last;
        last = last->next;
    }
    buffer->holes = last;
}

pk_page_source pk_buffer_pages(pk_buffer_source *buffer, void *memory, size_t size)
{
    static const pk_page_source_ops ops = {
        .size = sizeof ops, .map = buffer_map, .unmap = buffer_unmap, .granule = 16};
    *buffer = (pk_buffer_source){memory, memory, (char *)memory + size, NULL};
    return (pk_page_source){&ops, buffer};
}
