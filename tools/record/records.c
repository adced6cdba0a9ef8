/* SPDX-License-Identifier: MIT
 * records.c: what a record in a ring becomes in the trace.
 *
 * The recorded program can write over its rings by mistake, so nothing there is believed: lengths
 * and numbers are checked, and what is no record is a damaged ring, not a crash of ours.
 */
#include "record/image.h"
#include "record/session.h"

#include "poolkit/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN_SHIFT 57
#define ADDRESS_MASK ((UINT64_C(1) << ALIGN_SHIFT) - 1)
#define MOST_TEXT 8192 /* bytes of a module's path and build id */
#define MOST_STACKS (UINT32_C(1) << 28)

static inline uint64_t word(const struct ring *r, uint64_t i)
{
    return r->data[(r->read + i) & (r->words - 1)];
}

static uint64_t time_of(const struct image *image, const struct ring *r)
{
    return ticks_to_ns(&image->session->ticks, r->tick);
}

static bool put_thread(struct image *image, struct ring *r)
{
    if (!image_open_trace(image)) {
        return false;
    }
    int index = trace_put_thread(image->writer, &r->owner);
    if (index < 0) {
        image_give_up(image, "a thread could not be written");
        return false;
    }
    r->thread = index;
    return true;
}

static void put_event(struct image *image, struct ring *r, struct trace_event *event)
{
    if (image->discarded || (r->thread < 0 && !put_thread(image, r))) {
        return;
    }
    uint64_t time = time_of(image, r);
    image->time = time > image->time ? time : image->time;
    event->time = image->time;
    event->thread = (uint16_t)r->thread;
    image->events++;
    if (!trace_put(image->writer, event)) {
        image_give_up(image, NULL);
    }
}

static void take_coming(struct image *image, struct ring *r, const uint64_t *at)
{
    struct trace_event event = {.address = at[1] & ADDRESS_MASK,
                                .size = at[2],
                                .stack = (uint32_t)at[3],
                                .op = (uint8_t)at[0],
                                .align = (uint8_t)(at[1] >> ALIGN_SHIFT)};
    put_event(image, r, &event);
}

static void take_going(struct image *image, struct ring *r, const uint64_t *at)
{
    struct trace_event event = {.address = at[1] & ADDRESS_MASK,
                                .size = at[2] >> 32,
                                .stack = (uint32_t)at[2],
                                .op = (uint8_t)at[0]};
    put_event(image, r, &event);
}

static void take_thread(struct ring *r)
{
    struct trace_thread owner = {.tid = (int64_t)word(r, 1)};
    uint64_t name[2] = {word(r, 2), word(r, 3)};
    memcpy(owner.name, name, sizeof owner.name);
    owner.name[sizeof owner.name - 1] = '\0';
    if (r->thread >= 0 && owner.tid == r->owner.tid && strcmp(owner.name, r->owner.name) == 0) {
        return;
    }
    r->owner = owner;
    r->thread = -1;
}

/* True if the number has not been used yet: the trace wants each one once. */
static bool first_use(struct image *image, uint32_t stack)
{
    size_t place = stack / 32;
    if (place >= image->stack_words) {
        size_t room = place * 2 + 64;
        image->stacks = pki_grow(image->stacks, room, sizeof *image->stacks);
        memset(image->stacks + image->stack_words, 0,
               (room - image->stack_words) * sizeof *image->stacks);
        image->stack_words = room;
    }
    uint32_t bit = UINT32_C(1) << stack % 32;
    bool first = !(image->stacks[place] & bit);
    image->stacks[place] |= bit;
    return first;
}

static bool take_stack(struct image *image, struct ring *r, uint64_t frames)
{
    uint32_t stack = (uint32_t)word(r, 1);
    uint64_t address[PKI_WIRE_STACK_MOST];
    if (stack == 0 || stack > MOST_STACKS) {
        return false;
    }
    for (uint64_t i = 0; i < frames; i++) {
        address[i] = word(r, 2 + i);
    }
    if (!first_use(image, stack) || !image_open_trace(image)) {
        return true;
    }
    if (!trace_put_stack(image->writer, stack, address, frames)) {
        image_give_up(image, NULL);
    }
    return true;
}

static char *hexadecimal(const char *bytes, size_t n)
{
    char *text = pki_grow(NULL, 2 * n + 1, 1);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        snprintf(text + 2 * i, 3, "%02x", (unsigned)(unsigned char)bytes[i]);
    }
    return text;
}

static void take_module(struct image *image, struct ring *r, size_t path_bytes, size_t id_bytes)
{
    char text[MOST_TEXT + 8];
    for (size_t i = 0; i < (path_bytes + id_bytes + 7) / 8; i++) {
        uint64_t w = word(r, 5 + i);
        memcpy(text + 8 * i, &w, 8);
    }
    struct trace_module module = {.bias = word(r, 1),
                                  .start = word(r, 2),
                                  .end = word(r, 3),
                                  .path = pki_format("%.*s", (int)path_bytes, text),
                                  .build_id = hexadecimal(text + path_bytes, id_bytes)};
    image_put_module(image, &module);
}

static void take_gap(struct image *image, struct ring *r)
{
    if (image->discarded || (r->thread < 0 && !put_thread(image, r))) {
        return;
    }
    image->dropped += word(r, 1);
    if (!trace_put_gap(image->writer, time_of(image, r), (uint32_t)r->thread, word(r, 1))) {
        image_give_up(image, NULL);
    }
}

/* How many words a record has that is no event; 0 if it is none. */
static uint64_t words_of(const struct ring *r)
{
    uint64_t there = r->head - r->read, more;
    switch (word(r, 0) & 0xff) {
    case PKI_WIRE_THREAD:
        return 4;
    case PKI_WIRE_THREAD_END:
        return 1;
    case PKI_WIRE_STACK:
        more = there < 2 ? UINT64_MAX : word(r, 1) >> 32;
        return more <= PKI_WIRE_STACK_MOST ? 2 + more : 0;
    case PKI_WIRE_MODULE:
        more = there < 5 ? UINT64_MAX : (word(r, 4) & UINT32_MAX) + (word(r, 4) >> 32);
        return more <= MOST_TEXT ? 5 + (more + 7) / 8 : 0;
    case PKI_WIRE_MODULE_GONE:
    case PKI_WIRE_GAP:
        return 2;
    default:
        return 0;
    }
}

static bool take_side_record(struct image *image, struct ring *r)
{
    uint64_t words = words_of(r);
    if (words == 0 || words > r->head - r->read) {
        return false;
    }
    bool good = true;
    switch (word(r, 0) & 0xff) {
    case PKI_WIRE_THREAD:
        take_thread(r);
        break;
    case PKI_WIRE_STACK:
        good = take_stack(image, r, words - 2);
        break;
    case PKI_WIRE_MODULE:
        take_module(image, r, word(r, 4) & UINT32_MAX, word(r, 4) >> 32);
        break;
    case PKI_WIRE_GAP:
        take_gap(image, r);
        break;
    default: /* what ends is known from what comes after it */
        break;
    }
    r->read += words;
    return good;
}

/* The words of an event: where they are, or in `copy` if they go round the end. */
static inline const uint64_t *words_at(const struct ring *r, uint64_t n, uint64_t *copy)
{
    uint64_t begin = r->read & (r->words - 1);
    if (__builtin_expect(begin + n <= r->words, 1)) {
        return r->data + begin;
    }
    for (uint64_t i = 0; i < n; i++) {
        copy[i] = word(r, i);
    }
    return copy;
}

bool record_take(struct image *image, struct ring *r)
{
    uint64_t kind = word(r, 0) & 0xff, there = r->head - r->read;
    uint64_t copy[4];
    if (kind < TRACE_COMES_END && there >= 4) {
        take_coming(image, r, words_at(r, 4, copy));
        r->read += 4;
    } else if (kind >= TRACE_FREE && kind < TRACE_OP_END && there >= 3) {
        take_going(image, r, words_at(r, 3, copy));
        r->read += 3;
    } else {
        return take_side_record(image, r);
    }
    return true;
}
