/* SPDX-License-Identifier: MIT
 * first.c: the first walk: what each call stack did, and when the footprint was largest.
 *
 * Lifetimes are counted on two clocks: nanoseconds, and births of any block in between. A death is
 * "lifo" if no younger block of its stack lives, "batch" if the thread's event before it was the
 * death of a block of the same stack, "cross-thread" if another thread brought the block.
 *
 * The live blocks of each stack form a list through their slots, the youngest first; that is how a
 * death knows whether it is the youngest.
 */
#include <stdlib.h>

#include "walk.h"

struct link {
    uint32_t older, younger; /* slot + 1 */
};

struct first {
    struct analysis *a;
    struct link *links; /* by slot */
    uint64_t *births;   /* by slot: births of any block before this one */
    uint32_t room;
    uint32_t *last_death; /* by thread: stack + 1 of the block whose death was its last event */
    double sum_of_ratios; /* footprint / live, at each event */
    uint64_t ratios;
};

static bool make_room(struct first *f, uint32_t slot)
{
    if (slot < f->room) {
        return true;
    }
    uint32_t room = slot < UINT32_MAX / 2 ? 2 * slot + 1024 : UINT32_MAX;
    struct link *links = realloc(f->links, room * sizeof *links);
    f->links = links ? links : f->links;
    uint64_t *births = links ? realloc(f->births, room * sizeof *births) : NULL;
    f->births = births ? births : f->births;
    f->room = births ? room : f->room;
    return births != NULL;
}

static struct stack *stack_of(struct analysis *a, uint32_t stack)
{
    return &a->stacks[stack <= a->n_stacks ? stack : 0];
}

static bool birth(struct first *f, struct walk *walk, const struct trace_change *change)
{
    const struct trace_block *block = change->block;
    struct stack *stack = stack_of(f->a, block->stack);
    struct behaviour *did = &stack->did;
    if (!make_room(f, change->slot)) {
        return false;
    }
    f->links[change->slot] = (struct link){stack->newest, 0};
    if (stack->newest) {
        f->links[stack->newest - 1].younger = change->slot + 1;
    }
    stack->newest = change->slot + 1;
    f->births[change->slot] = walk->births;
    did->least_size =
        did->allocations == 0 || block->size < did->least_size ? block->size : did->least_size;
    did->largest_size = block->size > did->largest_size ? block->size : did->largest_size;
    did->allocations++;
    did->bytes += block->size;
    did->live += block->size;
    did->peak_live = did->live > did->peak_live ? did->live : did->peak_live;
    behaviour_count_size(did, block->size, 1);
    f->a->per_thread[block->thread < THREADS_MOST ? block->thread : THREADS_MOST - 1]++;
    return true;
}

/* Takes a block out of its stack's list; true if it was the youngest. */
static bool unlink_block(struct first *f, struct stack *stack, uint32_t slot)
{
    struct link link = f->links[slot];
    if (link.older) {
        f->links[link.older - 1].younger = link.younger;
    }
    if (link.younger) {
        f->links[link.younger - 1].older = link.older;
        return false;
    }
    stack->newest = link.older;
    return true;
}

/* new and delete, new[] and delete[], malloc and free: whether the two belong together. */
static bool fits(uint8_t came, uint8_t went)
{
    switch (went) {
    case TRACE_DELETE:
        return came == TRACE_NEW;
    case TRACE_DELETE_ARRAY:
        return came == TRACE_NEW_ARRAY;
    case TRACE_DELETE_ALIGNED:
        return came == TRACE_NEW_ALIGNED;
    case TRACE_DELETE_ARRAY_ALIGNED:
        return came == TRACE_NEW_ARRAY_ALIGNED;
    default:
        return came < TRACE_NEW || came > TRACE_NEW_ARRAY_ALIGNED;
    }
}

static void death(struct first *f, struct walk *walk, const struct trace_event *event,
                  const struct trace_change *change)
{
    const struct trace_block *block = change->block;
    struct stack *stack = stack_of(f->a, block->stack);
    struct behaviour *did = &stack->did;
    uint64_t age = walk->births - f->births[change->slot];
    bool foreign = event->thread != block->thread;
    did->frees++;
    did->live -= block->size;
    did->life_ns[analysis_bucket(event->time - block->time)]++;
    did->life_allocations[analysis_bucket(age)]++;
    did->short_lived += age <= SHORT_LIVED;
    did->lifo += unlink_block(f, stack, change->slot);
    did->batch += f->last_death[event->thread] == block->stack + 1;
    f->last_death[event->thread] = block->stack + 1;
    did->cross_thread += foreign;
    unsigned from = block->thread < THREADS_MOST ? block->thread : THREADS_MOST - 1;
    unsigned to = event->thread < THREADS_MOST ? event->thread : THREADS_MOST - 1;
    f->a->matrix[from][to]++;
    f->a->mismatched +=
        event->address == block->address && !trace_comes(event->op) && !fits(block->op, event->op);
}

static bool change(struct walk *walk, const struct trace_event *event,
                   const struct trace_change *change)
{
    struct first *f = walk->self;
    if (change->fate == TRACE_BIRTH) {
        f->last_death[event->thread] = 0;
        return birth(f, walk, change);
    }
    if (change->fate == TRACE_DEATH) {
        death(f, walk, event, change);
    } else if (change->fate == TRACE_MOVE) {
        struct behaviour *did = &stack_of(f->a, change->block->stack)->did;
        did->reallocs++;
        did->live += change->block->size - change->old_size;
        did->peak_live = did->live > did->peak_live ? did->live : did->peak_live;
    }
    return true;
}

/* What the memory looked like after this event. */
static bool after(struct walk *walk, const struct trace_event *event)
{
    struct first *f = walk->self;
    struct analysis *a = f->a;
    uint64_t pinned = walk->pages.pinned[UNIT_4K];
    uint64_t resident = analysis_resident(walk->trace, &walk->sample, event->time);
    uint64_t footprint = resident > pinned ? resident : pinned;
    if (walk->live > 0) {
        f->sum_of_ratios += (double)footprint / (double)walk->live;
        f->ratios++;
    }
    if (walk->live > a->peak_live) {
        a->peak_live = walk->live;
        a->peak_live_time = event->time;
        a->jw[1] = (double)footprint / (double)walk->live;
    }
    if (footprint > a->at_peak.footprint) {
        a->at_peak = (struct moment){.time = event->time,
                                     .live = walk->live,
                                     .usable = walk->usable,
                                     .pinned = pinned,
                                     .resident = resident,
                                     .footprint = footprint};
        a->peak_event = walk->event;
    }
    return true;
}

static void find_resident_peak(struct analysis *a, const struct trace *t)
{
    for (size_t i = 0; i < trace_samples(t); i++) {
        const struct trace_sample *sample = trace_sample(t, i);
        uint64_t base = trace_info(t)->base_anonymous;
        uint64_t resident = sample->anonymous > base ? sample->anonymous - base : 0;
        if (resident > a->peak_resident) {
            a->peak_resident = resident;
            a->peak_resident_time = sample->time;
        }
    }
}

static void conclude(struct first *f, struct walk *walk)
{
    struct analysis *a = f->a;
    const struct trace_tally *tally = trace_resolver_tally(walk->resolver);
    a->unknown_frees = tally->unknown;
    a->reordered = tally->reordered;
    a->peak_blocks = tally->peak;
    a->live_at_end = tally->live_bytes;
    a->blocks_at_end = tally->live;
    a->jw[0] = f->ratios ? f->sum_of_ratios / (double)f->ratios : 0;
    if (a->at_peak.live > 0) {
        a->jw[2] = (double)a->at_peak.footprint / (double)a->at_peak.live;
        a->jw[3] = (double)a->at_peak.footprint / (double)a->peak_live;
    }
    for (uint32_t i = 0; i <= a->n_stacks; i++) {
        behaviour_add(&a->all, &a->stacks[i].did);
    }
    find_resident_peak(a, walk->trace);
}

bool analysis_first(struct analysis *a, struct trace *t, char *why)
{
    struct first f = {.a = a, .last_death = calloc(UINT16_MAX + 1, sizeof(uint32_t))};
    struct walk walk = {.self = &f, .change = change, .after = after};
    bool done = f.last_death && walk_all(&walk, t, why);
    if (done) {
        conclude(&f, &walk);
    }
    walk_end(&walk);
    free(f.links);
    free(f.births);
    free(f.last_death);
    return done;
}
