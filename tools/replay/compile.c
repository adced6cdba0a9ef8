/* SPDX-License-Identifier: MIT
 * compile.c: makes a tape of a trace. The resolver of tools/trace says what each event means; here
 * its blocks get slots of the tape, turns, and pools.
 *
 * Merged, a block has the slot that the resolver gives it. Parallel, a slot may only be used again by
 * the thread that emptied it (T2): each thread has a stack of empty slots of its own. Where one
 * thread brings blocks and another frees them, empty slots gather with the other; a slot more costs
 * 20 bytes of a file.
 */
#include "replay/compile.h"
#include "trace/objects.h"

#include <stdlib.h>
#include <string.h>

#define NO_SLOT UINT32_MAX

/* What we know of a live block, by the resolver's slot. */
struct place {
    uint32_t slot;
    uint32_t pool;
};

struct compiler {
    struct trace *t;
    struct trace_resolver *resolver;
    struct assign assign;
    struct tape_draft draft;
    struct held held;
    struct place *places; /* by the resolver's slot */
    uint32_t n_places;
    uint32_t *next_empty; /* parallel, by slot: the next in its thread's stack of empty ones */
    uint32_t *turns;      /* parallel, by slot: of its next operation */
    uint32_t slots, slot_room;
    uint32_t empty[TAPE_THREADS_MOST];
    bool parallel;
    unsigned threads;
    uint64_t live, live_peak, peak_operation, planned;
    char *why;
};

static bool refuse(struct compiler *c, const char *text)
{
    snprintf(c->why, TRACE_WHY, "%s", text);
    return false;
}

static bool no_memory(struct compiler *c) { return refuse(c, "out of memory"); }

static bool more_places(struct compiler *c, uint32_t slot)
{
    if (slot < c->n_places) return true;
    uint32_t room = c->n_places ? c->n_places : 1024;
    while (room <= slot) room *= 2;
    struct place *places = realloc(c->places, room * sizeof *places);
    if (!places) return no_memory(c);
    c->places = places;
    c->n_places = room;
    return true;
}

static bool more_slots(struct compiler *c)
{
    uint32_t room = c->slot_room ? 2 * c->slot_room : 1024;
    uint32_t *next = realloc(c->next_empty, room * sizeof *next);
    if (next) c->next_empty = next;
    uint32_t *turns = next ? realloc(c->turns, room * sizeof *turns) : NULL;
    if (!turns || room > NO_SLOT / 2) return no_memory(c);
    c->turns = turns;
    c->slot_room = room;
    return true;
}

static bool take_slot(struct compiler *c, uint32_t resolvers, unsigned thread, uint32_t *slot)
{
    if (!c->parallel) {
        *slot = resolvers;
        if (resolvers >= c->slots) c->slots = resolvers + 1;
        return true;
    }
    *slot = c->empty[thread];
    if (*slot != NO_SLOT) {
        c->empty[thread] = c->next_empty[*slot];
        return true;
    }
    if (c->slots == c->slot_room && !more_slots(c)) return false;
    *slot = c->slots++;
    c->turns[*slot] = 0;
    return true;
}

static void give_slot(struct compiler *c, uint32_t slot, unsigned thread)
{
    if (!c->parallel) return;
    c->next_empty[slot] = c->empty[thread];
    c->empty[thread] = slot;
}

static bool put(struct compiler *c, uint64_t word, uint32_t slot, unsigned thread, uint64_t time)
{
    struct tape_op op = {.word = word, .slot = slot};
    if (c->parallel && tape_kind(word) != TAPE_SCOPE_END) op.turn = c->turns[slot]++;
    return draft_put(&c->draft, &op, thread, time) || no_memory(c);
}

static enum tape_kind kind_of(const struct trace_block *b)
{
    if (b->op == TRACE_CALLOC) return TAPE_CALLOC;
    return b->align > 4 ? TAPE_ALIGNED : TAPE_MALLOC;
}

static void count_live(struct compiler *c, uint64_t more, uint64_t less)
{
    c->live += more - less;
    if (c->live > c->live_peak) {
        c->live_peak = c->live;
        c->peak_operation = c->draft.operations;
    }
}

static bool birth(struct compiler *c, const struct trace_change *change, unsigned thread,
                  uint64_t time)
{
    const struct trace_block *b = change->block;
    struct place *place = &c->places[change->slot];
    int pool = assign_pool(&c->assign, b->stack, thread);
    if (pool < 0) return refuse(c, "the plan needs too many pools");
    if (!take_slot(c, change->slot, thread, &place->slot)) return false;
    place->pool = (uint32_t)pool;
    c->planned += pool != 0;
    assign_used(&c->assign, place->pool, thread);
    uint64_t word = tape_word(b->size, kind_of(b), b->align & 63, place->pool);
    if (!put(c, word, place->slot, thread, time)) return false;
    count_live(c, b->size, 0);
    return held_come(&c->held, b->address, b->size) || no_memory(c);
}

static bool change_one(struct compiler *c, const struct trace_change *change, unsigned thread,
                       uint64_t time)
{
    if (change->fate == TRACE_UNKNOWN) return true;
    if (change->block->size >= TAPE_SIZE_MOST) {
        return refuse(c, "a block of a terabyte or more: it cannot be replayed");
    }
    if (!more_places(c, change->slot)) return false;
    if (change->fate == TRACE_BIRTH) return birth(c, change, thread, time);
    struct place place = c->places[change->slot];
    assign_used(&c->assign, place.pool, thread);
    if (change->fate == TRACE_MOVE) {
        if (!put(c, tape_word(change->block->size, TAPE_REALLOC, 0, 0), place.slot, thread, time)) {
            return false;
        }
        count_live(c, change->block->size, change->old_size);
        held_go(&c->held, change->old_address, change->old_size);
        return held_come(&c->held, change->block->address, change->block->size) || no_memory(c);
    }
    if (!put(c, tape_word(0, TAPE_FREE, 0, 0), place.slot, thread, time)) return false;
    count_live(c, 0, change->block->size);
    held_go(&c->held, change->block->address, change->block->size);
    give_slot(c, place.slot, thread);
    return true;
}

static bool leave_scopes(struct compiler *c, const struct trace_event *e, unsigned thread)
{
    for (size_t i = 0; i < c->assign.n_scopes; i++) {
        unsigned pool = assign_left(&c->assign, i, e->stack, thread);
        if (pool && !put(c, tape_word(0, TAPE_SCOPE_END, 0, pool), 0, thread, e->time)) {
            return false;
        }
    }
    return true;
}

static bool take(struct compiler *c, const struct trace_event *e)
{
    struct trace_change changes[2];
    unsigned thread = e->thread % TAPE_THREADS_MOST;
    if (thread >= c->threads) c->threads = thread + 1;
    if (!leave_scopes(c, e, thread)) return false;
    int n = trace_resolver_take(c->resolver, e, changes);
    if (n < 0) return no_memory(c);
    for (int i = 0; i < n; i++) {
        if (!change_one(c, &changes[i], thread, e->time)) return false;
    }
    return true;
}

static bool take_all(struct compiler *c)
{
    struct trace_event *events = malloc(TRACE_BLOCK * sizeof *events);
    int n = 0;
    bool good = events != NULL || no_memory(c);
    trace_rewind(c->t);
    while (good && (n = trace_read(c->t, events, c->why)) > 0) {
        for (int i = 0; good && i < n; i++) good = take(c, &events[i]);
    }
    free(events);
    return good && n == 0;
}

static struct replay_tape *finish(struct compiler *c, const struct replay_plan *plan)
{
    struct tape_head head = {.magic = TAPE_MAGIC,
                             .live_peak = c->live_peak,
                             .peak_operation = c->peak_operation,
                             .mode = c->parallel ? REPLAY_PARALLEL : REPLAY_MERGED,
                             .slots = c->slots,
                             .pools = (uint32_t)c->assign.n_pools,
                             .threads = c->parallel && c->threads ? c->threads : 1};
    struct replay_tape *tape = draft_finish(&c->draft, &head, c->assign.pools, c->why);
    if (!tape) return NULL;
    tape->planned = c->planned;
    tape->held_peak = c->held.peak;
    tape->n_plan_ids = plan ? plan->n_pools : 0;
    tape->plan_ids = calloc(tape->n_plan_ids + 1, sizeof *tape->plan_ids);
    for (size_t i = 0; tape->plan_ids && i < tape->n_plan_ids; i++) {
        tape->plan_ids[i] = plan->pools[i].id;
    }
    return tape;
}

struct replay_tape *replay_tape_make(struct trace *t, const struct replay_plan *plan,
                                     enum replay_mode mode, char *why)
{
    struct compiler c = {.t = t, .why = why, .parallel = mode == REPLAY_PARALLEL};
    struct replay_tape *tape = NULL;
    memset(c.empty, 0xff, sizeof c.empty);
    c.resolver = trace_resolver_create();
    bool good = c.resolver && assign_begin(&c.assign, t, plan);
    if (!good) {
        no_memory(&c);
    } else if (draft_begin(&c.draft, c.parallel, why) && take_all(&c)) {
        tape = finish(&c, plan);
    }
    draft_drop(&c.draft);
    assign_end(&c.assign);
    trace_resolver_destroy(c.resolver);
    free(c.held.pages);
    free(c.places);
    free(c.next_empty);
    free(c.turns);
    return tape;
}
