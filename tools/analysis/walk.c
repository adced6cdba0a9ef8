/* SPDX-License-Identifier: MIT
 * walk.c: goes over the events of a recording and keeps account of live blocks and their pages.
 */
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>

static bool account(struct walk *walk, const struct trace_change *change)
{
    const struct trace_block *block = change->block;
    bool done = true;
    switch (change->fate) {
    case TRACE_BIRTH:
        walk->births++;
        walk->live += block->size;
        walk->usable += analysis_usable(block->size);
        return pages_add(&walk->pages, block->address, block->size);
    case TRACE_DEATH:
        walk->live -= block->size;
        walk->usable -= analysis_usable(block->size);
        return pages_remove(&walk->pages, block->address, block->size);
    case TRACE_MOVE:
        walk->live += block->size - change->old_size;
        walk->usable += analysis_usable(block->size) - analysis_usable(change->old_size);
        done = pages_remove(&walk->pages, change->old_address, change->old_size);
        return pages_add(&walk->pages, block->address, block->size) && done;
    case TRACE_UNKNOWN:
        break;
    }
    return true;
}

static bool take(struct walk *walk, const struct trace_event *event)
{
    struct trace_change changes[2];
    int n = trace_resolver_take(walk->resolver, event, changes);
    for (int i = 0; i < n; i++) {
        if (!account(walk, &changes[i]) || !walk->change(walk, event, &changes[i])) {
            return false;
        }
    }
    return n >= 0 && (!walk->after || walk->after(walk, event));
}

static bool no_memory(char *why)
{
    snprintf(why, TRACE_WHY, "out of memory");
    return false;
}

bool walk_all(struct walk *walk, struct trace *t, char *why)
{
    walk->trace = t;
    walk->resolver = trace_resolver_create();
    walk->events = malloc(TRACE_BLOCK * sizeof *walk->events);
    if (!pages_create(&walk->pages) || !walk->resolver || !walk->events) {
        return no_memory(why);
    }
    trace_rewind(t);
    for (int n; (n = trace_read(t, walk->events, why)) != 0;) {
        if (n < 0) {
            return false;
        }
        for (int i = 0; i < n; i++, walk->event++) {
            if (!take(walk, &walk->events[i])) {
                return no_memory(why);
            }
        }
    }
    return true;
}

void walk_end(struct walk *walk)
{
    trace_resolver_destroy(walk->resolver);
    pages_destroy(&walk->pages);
    free(walk->events);
}
