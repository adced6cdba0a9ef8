/* SPDX-License-Identifier: MIT
 * unpack.c: turns columns into events.
 */
#include <string.h>

#include "columns.h"
#include "format.h"
#include "guess.h"

/* What a column that was left out reads as. */
static const uint8_t zeros[TRACE_BLOCK];

/* The columns' lengths, then the columns, and nothing behind them. */
static bool find_columns(struct pki_cursor *c, struct pki_cursor *column)
{
    uint64_t length[PKI_COLUMNS];
    for (int i = 0; i < PKI_COLUMNS; i++) length[i] = pki_take(c);
    for (int i = 0; i < PKI_COLUMNS; i++) {
        if (length[i] > (uint64_t)(c->end - c->at)) return false;
        column[i] = (struct pki_cursor){.at = c->at, .end = c->at + length[i]};
        c->at += length[i];
        if (length[i] == 0) {
            column[i].at = zeros;
            column[i].end = zeros + sizeof zeros;
        }
    }
    return !c->bad && c->at == c->end;
}

static bool is_op(uint64_t op)
{
    return op < TRACE_COMES_END || (op >= TRACE_FREE && op < TRACE_OP_END);
}

struct unpacking {
    struct pki_guess *g;
    struct pki_cursor column[PKI_COLUMNS];
    uint64_t stack_come, stack_go; /* of the last event of either kind */
};

static uint64_t next(struct unpacking *u, enum pki_column column)
{
    return pki_take(&u->column[column]);
}

/* The address of a block that comes, and its link in a list, if it is in one. */
static bool unpack_place(struct unpacking *u, struct trace_event *e, uint64_t how, uint32_t **link)
{
    struct pki_guess *g = u->g;
    uint32_t *list = pki_list_for(g, pki_class(e->size), e->thread);
    *link = NULL;
    if (how == PKI_AS_GUESSED) {
        e->address = pki_expect(g, e->op, list);
        *link = pki_is_realloc(e->op) ? NULL : list;
    } else if (how == PKI_IN_LIST) {
        uint64_t depth = next(u, PKI_DEPTHS);
        *link = depth < PKI_GUESS_DEPTH ? pki_link(g, list, depth) : NULL;
        if (!*link || !**link) return false;
        e->address = g->births[**link - 1].address;
    } else {
        e->address = pki_arrive(pki_start(g, e->stack), next(u, PKI_ADDRESSES_COME));
    }
    return true;
}

static bool unpack_come(struct unpacking *u, struct trace_event *e, uint64_t how)
{
    uint32_t *link;
    u->stack_come += (uint64_t)pki_unfold(next(u, PKI_STACKS_COME));
    e->stack = (uint32_t)u->stack_come;
    e->size = next(u, PKI_SIZES_COME);
    if (!unpack_place(u, e, how, &link)) return false;
    pki_came(u->g, e, link, how == PKI_AS_GUESSED);
    return u->stack_come <= UINT32_MAX;
}

static bool unpack_go(struct unpacking *u, struct trace_event *e, bool came_here)
{
    struct pki_guess *g = u->g;
    uint32_t birth = PKI_NO_BIRTH;
    u->stack_go += (uint64_t)pki_unfold(next(u, PKI_STACKS_GO));
    e->stack = (uint32_t)u->stack_go;
    e->size = next(u, PKI_SIZES_GO);
    if (came_here) {
        uint64_t number = g->last_birth + (uint64_t)pki_unfold(next(u, PKI_BIRTHS));
        if (number >= g->n || !g->births[number].live) return false;
        birth = (uint32_t)number;
        e->address = g->births[birth].address;
    } else {
        e->address = pki_arrive(g->last_old, next(u, PKI_ADDRESSES_GO));
    }
    pki_went(g, e, birth);
    return u->stack_go <= UINT32_MAX;
}

/* False if a value is beyond its limit. */
static bool unpack_one(struct unpacking *u, struct trace_event *e)
{
    uint64_t op = next(u, PKI_OPS), thread = next(u, PKI_THREADS), align = next(u, PKI_ALIGNS);
    uint64_t how = op & (PKI_AS_GUESSED | PKI_IN_LIST);
    op -= how;
    if (!is_op(op) || thread >= TRACE_THREADS_MOST || align > TRACE_ALIGN_MOST) return false;
    e->op = (uint8_t)op;
    e->thread = (uint16_t)thread;
    e->align = (uint8_t)align;
    if (trace_comes(e->op)) return how != (PKI_AS_GUESSED | PKI_IN_LIST) && unpack_come(u, e, how);
    return !(how & PKI_IN_LIST) && unpack_go(u, e, how);
}

/* Every column was read to its end, and no further. */
static bool all_taken(const struct pki_cursor *column)
{
    for (int i = 0; i < PKI_COLUMNS; i++) {
        bool left_out = column[i].end == zeros + sizeof zeros;
        if (column[i].bad || (!left_out && column[i].at != column[i].end)) return false;
    }
    return true;
}

static const char *unpack(struct unpacking *u, uint64_t n, uint64_t tick,
                          struct trace_event *events)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t step = next(u, PKI_TIMES);
        if (step > TRACE_TICKS_MOST || (tick += step) > TRACE_TICKS_MOST) {
            return "holds an impossible time";
        }
        events[i].time = tick * TRACE_TICK;
        if (!unpack_one(u, &events[i])) return "holds an impossible event";
    }
    return all_taken(u->column) ? NULL : "holds columns that are too short or too long";
}

int pki_unpack(struct pki_guess *g, const struct pki_bytes *content, struct trace_event *events,
               const char **what)
{
    struct pki_cursor c = {.at = content->at, .end = content->at + content->n};
    struct unpacking u = {.g = g};
    uint64_t n = pki_take(&c), tick = pki_take(&c);
    if (n == 0 || n > TRACE_BLOCK || !find_columns(&c, u.column)) {
        *what = "holds no columns of events";
        return -1;
    }
    pki_guess_start(g);
    *what = tick > TRACE_TICKS_MOST ? "holds an impossible time" : unpack(&u, n, tick, events);
    return *what ? -1 : (int)n;
}
