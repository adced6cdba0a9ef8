/* SPDX-License-Identifier: MIT
 * objects.c: what each event of a recording means for the lives of blocks.
 *
 * Invariants:
 * O1. An address is in the map exactly if a block lives there and is not in a realloc.
 * O2. A slot is live (object != 0), or in free_slots, and never both.
 * O3. A block in a realloc is live, and in exactly one pending entry, of its thread's list.
 */
#include "objects.h"

#include <stdlib.h>
#include <string.h>

#include "addresses.h"

#define THREADS 65536
#define LATES 64 /* frees that are late at the same time; older ones are given up */

/* A realloc between its two events. Those of one thread nest: a signal handler may interrupt. */
struct pending {
    uint32_t slot;  /* PKI_NO_SLOT: of a block that never came */
    uint32_t below; /* the thread's next, as index + 1; of a spare one, the next spare */
};

/* The free at `address` that should have come before event number `since`, which `thread` made. */
struct late {
    uint64_t address, since;
    uint16_t thread;
};

struct trace_resolver {
    struct pki_map map;
    struct trace_block *blocks; /* by slot; object 0: not live */
    uint32_t *free_slots;       /* as large as blocks */
    uint32_t slots, room, n_free;
    uint64_t objects;
    struct pending *pendings;
    uint32_t n_pendings, pending_room, spare; /* spare: index + 1 */
    uint32_t pending_of[THREADS];             /* index + 1 */
    struct late lates[LATES];
    unsigned n_lates;
    struct trace_block gone; /* what the last death tells of */
    struct trace_tally tally;
};

struct trace_resolver *trace_resolver_create(void)
{
    struct trace_resolver *r = calloc(1, sizeof *r);
    if (r && pki_map_create(&r->map)) return r;
    free(r);
    return NULL;
}

void trace_resolver_destroy(struct trace_resolver *r)
{
    if (!r) return;
    pki_map_drop(&r->map);
    free(r->blocks);
    free(r->free_slots);
    free(r->pendings);
    free(r);
}

/* ---- slots ---- */

static bool more_slots(struct trace_resolver *r)
{
    if (r->room > UINT32_MAX / 4) return false;
    uint32_t room = r->room ? r->room * 2 : 1024;
    struct trace_block *blocks = realloc(r->blocks, room * sizeof *blocks);
    if (blocks) r->blocks = blocks;
    uint32_t *free_slots = blocks ? realloc(r->free_slots, room * sizeof *free_slots) : NULL;
    if (!free_slots) return false;
    r->free_slots = free_slots;
    r->room = room;
    return true;
}

static uint32_t take_slot(struct trace_resolver *r)
{
    if (r->n_free > 0) return r->free_slots[--r->n_free];
    if (r->slots == r->room && !more_slots(r)) return PKI_NO_SLOT;
    return r->slots++;
}

static void count_bytes(struct trace_tally *t, uint64_t more, uint64_t less)
{
    t->live_bytes += more - less;
    if (t->live_bytes > t->peak_bytes) t->peak_bytes = t->live_bytes;
    if (t->live > t->peak) t->peak = t->live;
}

static void die(struct trace_resolver *r, uint32_t slot, struct trace_change *change)
{
    r->gone = r->blocks[slot];
    r->blocks[slot].object = 0;
    r->free_slots[r->n_free++] = slot;
    r->tally.deaths++;
    r->tally.live--;
    count_bytes(&r->tally, 0, r->gone.size);
    *change = (struct trace_change){.fate = TRACE_DEATH, .slot = slot, .block = &r->gone};
}

/* ---- frees that are late ---- */

static void expect_late(struct trace_resolver *r, const struct trace_event *e)
{
    if (r->n_lates == LATES) {
        memmove(r->lates, r->lates + 1, sizeof *r->lates * (LATES - 1));
        r->n_lates--;
    }
    r->lates[r->n_lates++] = (struct late){e->address, r->tally.events, e->thread};
    r->tally.reordered++;
}

/* True, and it is done with, if this is a free that is late. One of the thread that brought the
 * block now at the address frees that one: the late one is another thread's. */
static bool is_late(struct trace_resolver *r, const struct trace_event *e)
{
    while (r->n_lates && r->tally.events - r->lates[0].since > TRACE_LATE_MOST) {
        memmove(r->lates, r->lates + 1, sizeof *r->lates * --r->n_lates);
    }
    for (unsigned i = 0; i < r->n_lates; i++) {
        const struct late *l = &r->lates[i];
        if (l->address != e->address) continue;
        if (l->thread == e->thread && pki_map_find(&r->map, e->address) != PKI_NO_SLOT) continue;
        memmove(r->lates + i, r->lates + i + 1, sizeof *r->lates * (--r->n_lates - i));
        return true;
    }
    return false;
}

/* ---- events ---- */

/* The place for a block that comes to an address. One that lives there dies: its free is late. */
static struct pki_map_entry *make_room(struct trace_resolver *r, const struct trace_event *e,
                                       struct trace_change *change, int *n)
{
    struct pki_map_entry *place = pki_map_place(&r->map, e->address);
    if (place && place->address) {
        die(r, place->slot, &change[(*n)++]);
        expect_late(r, e);
    }
    return place;
}

static int born(struct trace_resolver *r, const struct trace_event *e, struct trace_change *change)
{
    int n = 0;
    uint32_t slot = take_slot(r); /* before the death of another, whose slot is not used at once */
    struct pki_map_entry *place = slot == PKI_NO_SLOT ? NULL : make_room(r, e, change, &n);
    if (!place) return -1;
    pki_map_fill(&r->map, place, e->address, slot);
    r->blocks[slot] = (struct trace_block){
        .address = e->address,
        .size = e->size,
        .object = ++r->objects,
        .born = r->tally.events,
        .time = e->time,
        .stack = e->stack,
        .thread = e->thread,
        .op = e->op,
        .align = e->align,
    };
    r->tally.births++;
    r->tally.live++;
    count_bytes(&r->tally, e->size, 0);
    change[n++] =
        (struct trace_change){.fate = TRACE_BIRTH, .slot = slot, .block = &r->blocks[slot]};
    return n;
}

static int unknown(struct trace_resolver *r, struct trace_change *change)
{
    r->tally.unknown++;
    *change = (struct trace_change){.fate = TRACE_UNKNOWN};
    return 1;
}

static int freed(struct trace_resolver *r, const struct trace_event *e, struct trace_change *change)
{
    if (r->n_lates && is_late(r, e)) return 0;
    uint32_t slot = pki_map_take(&r->map, e->address);
    if (slot == PKI_NO_SLOT) return unknown(r, change);
    die(r, slot, change);
    return 1;
}

static bool push_pending(struct trace_resolver *r, uint16_t thread, uint32_t slot)
{
    uint32_t i = r->spare;
    if (i) {
        r->spare = r->pendings[i - 1].below;
    } else {
        if (r->n_pendings == r->pending_room) {
            uint32_t room = r->pending_room ? r->pending_room * 2 : 64;
            struct pending *grown = realloc(r->pendings, room * sizeof *grown);
            if (!grown) return false;
            r->pendings = grown;
            r->pending_room = room;
        }
        i = ++r->n_pendings;
    }
    r->pendings[i - 1] = (struct pending){slot, r->pending_of[thread]};
    r->pending_of[thread] = i;
    return true;
}

static uint32_t pop_pending(struct trace_resolver *r, uint16_t thread)
{
    uint32_t i = r->pending_of[thread];
    if (i == 0) return PKI_NO_SLOT;
    struct pending *p = &r->pendings[i - 1];
    uint32_t slot = p->slot;
    r->pending_of[thread] = p->below;
    p->below = r->spare;
    r->spare = i;
    return slot;
}

static int realloc_takes(struct trace_resolver *r, const struct trace_event *e,
                         struct trace_change *change)
{
    bool late = r->n_lates && is_late(r, e);
    uint32_t slot = late ? PKI_NO_SLOT : pki_map_take(&r->map, e->address);
    if (!push_pending(r, e->thread, slot)) return -1;
    return slot == PKI_NO_SLOT && !late ? unknown(r, change) : 0;
}

/* With its new size at the new address; or, after a failure, as it was. */
static int realloc_done(struct trace_resolver *r, const struct trace_event *e,
                        struct trace_change *change)
{
    int n = 0;
    bool failed = e->op == TRACE_REALLOC_FAILED;
    uint32_t slot = pop_pending(r, e->thread);
    if (slot == PKI_NO_SLOT) return failed || e->address == 0 ? 0 : born(r, e, change);
    if (e->address == 0) { /* it ended without a block: as free does */
        die(r, slot, change);
        return 1;
    }
    struct pki_map_entry *place = make_room(r, e, change, &n);
    if (!place) return -1;
    pki_map_fill(&r->map, place, e->address, slot);
    struct trace_block *block = &r->blocks[slot];
    struct trace_change *moved = &change[n];
    *moved = (struct trace_change){TRACE_MOVE, slot, block, block->address, block->size};
    block->address = e->address;
    if (failed) return n;
    block->size = e->size;
    block->align = e->align;
    r->tally.moves++;
    count_bytes(&r->tally, block->size, moved->old_size);
    return n + 1;
}

int trace_resolver_take(struct trace_resolver *r, const struct trace_event *e,
                        struct trace_change change[2])
{
    int n = 0;
    if (e->op == TRACE_REALLOC || e->op == TRACE_REALLOC_FAILED) {
        n = realloc_done(r, e, change);
    } else if (e->address == 0) {
        /* free(NULL), or a call that failed: no block comes or goes */
    } else if (trace_comes(e->op)) {
        n = born(r, e, change);
    } else if (e->op == TRACE_REALLOC_TAKES) {
        n = realloc_takes(r, e, change);
    } else {
        n = freed(r, e, change);
    }
    r->tally.events++;
    return n;
}

/* ---- questions ---- */

const struct trace_tally *trace_resolver_tally(const struct trace_resolver *r) { return &r->tally; }

uint32_t trace_resolver_slots(const struct trace_resolver *r) { return r->slots; }

const struct trace_block *trace_resolver_block(const struct trace_resolver *r, uint32_t slot)
{
    return slot < r->slots && r->blocks[slot].object ? &r->blocks[slot] : NULL;
}

uint32_t trace_resolver_find(const struct trace_resolver *r, uint64_t address)
{
    return address ? pki_map_find(&r->map, address) : PKI_NO_SLOT;
}
