/* SPDX-License-Identifier: MIT
 * unpack.c: turns columns into events.
 */
#include <string.h>

#include "columns.h"
#include "format.h"
#include "guess.h"

#define ALIGN_MOST 63

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

/* False if a value is beyond its limit. */
static bool unpack_one(struct pki_guess *g, struct pki_cursor *column, struct trace_event *e)
{
    uint64_t op = pki_take(&column[PKI_OPS]), thread = pki_take(&column[PKI_THREADS]);
    uint64_t align = pki_take(&column[PKI_ALIGNS]);
    bool comes = trace_comes((uint8_t)op);
    uint64_t stack = pki_take(&column[comes ? PKI_STACKS_COME : PKI_STACKS_GO]);
    if (!is_op(op) || thread >= TRACE_THREADS_MOST || align > ALIGN_MOST || stack > UINT32_MAX) {
        return false;
    }
    e->op = (uint8_t)op;
    e->thread = (uint16_t)thread;
    e->align = (uint8_t)align;
    e->stack = (uint32_t)stack;
    e->size = pki_take(&column[comes ? PKI_SIZES_COME : PKI_SIZES_GO]);

    uint64_t expected, *place = pki_expect(g, e->op, e->stack, &expected);
    uint64_t way = pki_take(&column[comes ? PKI_ADDRESSES_COME : PKI_ADDRESSES_GO]);
    e->address = pki_arrive(expected, way);
    pki_learn(g, place, e->op, e->address);
    return true;
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

int pki_unpack(struct pki_unpacker *u, const struct pki_bytes *content, struct trace_event *events,
               const char **what)
{
    struct pki_cursor c = {.at = content->at, .end = content->at + content->n};
    struct pki_cursor column[PKI_COLUMNS];
    uint64_t n = pki_take(&c), tick = pki_take(&c);
    if (n == 0 || n > TRACE_BLOCK || !find_columns(&c, column)) {
        *what = "holds no columns of events";
        return -1;
    }
    memset(&u->guess, 0, sizeof u->guess);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t step = pki_take(&column[PKI_TIMES]);
        if (step > UINT64_MAX / TRACE_TICK || (tick += step) > UINT64_MAX / TRACE_TICK) {
            *what = "holds an impossible time";
            return -1;
        }
        events[i].time = tick * TRACE_TICK;
        if (!unpack_one(&u->guess, column, &events[i])) {
            *what = "holds an impossible event";
            return -1;
        }
    }
    if (!all_taken(column)) {
        *what = "holds columns that are too short or too long";
        return -1;
    }
    return (int)n;
}
