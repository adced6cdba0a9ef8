/* SPDX-License-Identifier: MIT
 * frames.c: the call stacks of a recording as functions, each of them stored once.
 */
#include <stdlib.h>
#include <string.h>

#include "analysis.h"

/* Addresses and names that were met, to numbers. */
struct known {
    uint64_t key;
    const char *text; /* NULL for addresses */
    uint32_t number;
    bool used;
};

struct known_table {
    struct known *places;
    size_t n, room;
};

static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static struct known *look(const struct known_table *table, uint64_t key, const char *text)
{
    size_t i = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (table->room - 1);
    while (table->places[i].used &&
           (table->places[i].key != key || (text && strcmp(table->places[i].text, text) != 0))) {
        i = (i + 1) & (table->room - 1);
    }
    return &table->places[i];
}

static bool make_room(struct known_table *table)
{
    if (2 * table->n < table->room) {
        return true;
    }
    size_t room = table->room ? 2 * table->room : 1024;
    struct known_table larger = {calloc(room, sizeof(struct known)), table->n, room};
    if (!larger.places) {
        return false;
    }
    for (size_t i = 0; i < table->room; i++) {
        const struct known *old = &table->places[i];
        if (old->used) {
            *look(&larger, old->key, old->text) = *old;
        }
    }
    free(table->places);
    *table = larger;
    return true;
}

static struct known *find_or_make(struct known_table *table, uint64_t key, const char *text,
                                  uint32_t number)
{
    if (!make_room(table)) {
        return NULL;
    }
    struct known *known = look(table, key, text);
    if (!known->used) {
        *known = (struct known){key, text, number, true};
        table->n++;
    }
    return known;
}

static const char *module_of(const struct trace *t, uint64_t address)
{
    for (size_t i = 0; i < trace_modules(t); i++) {
        const struct trace_module *module = trace_module(t, i);
        if (address >= module->start && address < module->end) {
            return module->path;
        }
    }
    return NULL;
}

static struct frame *new_frame(struct analysis *a)
{
    if (a->n_frames == a->frames_room) {
        size_t room = a->frames_room ? 2 * a->frames_room : 256;
        struct frame *frames = realloc(a->frames, room * sizeof *frames);
        if (!frames) {
            return NULL;
        }
        a->frames = frames;
        a->frames_room = room;
    }
    a->frames[a->n_frames] = (struct frame){0};
    return &a->frames[a->n_frames++];
}

/* The functions at one return address, as frames one after another. */
static bool add_frames(struct analysis *a, struct known_table *names, uint64_t address)
{
    const struct trace_frame *functions;
    size_t n = trace_symbol(a->trace, address, &functions), i = 0;
    const char *module = module_of(a->trace, address);
    do {
        struct frame *frame = new_frame(a);
        if (!frame) {
            return false;
        }
        frame->address = address;
        frame->module = module;
        const char *name = NULL;
        if (i < n) {
            name = frame->function = functions[i].function;
            frame->file = *functions[i].file ? functions[i].file : NULL;
            frame->line = functions[i].line;
        }
        struct known *known = name ? find_or_make(names, hash_text(name), name, 0)
                                   : find_or_make(names, address, "", 0);
        if (!known) {
            return false;
        }
        if (known->number == 0) {
            known->number = (uint32_t)names->n;
        }
        frame->name = known->number;
    } while (++i < n);
    return true;
}

struct span {
    uint32_t first, n;
};

/* Where the frames of an address stand. */
static bool frames_of(struct analysis *a, struct known_table *addresses, struct known_table *names,
                      uint64_t address, struct span **spans, struct span *out)
{
    size_t before = addresses->n;
    struct known *known = find_or_make(addresses, address, NULL, (uint32_t)before);
    if (!known) {
        return false;
    }
    if (addresses->n > before) {
        struct span *more = realloc(*spans, addresses->n * sizeof *more);
        if (!more) {
            return false;
        }
        *spans = more;
        uint32_t first = (uint32_t)a->n_frames;
        if (!add_frames(a, names, address)) {
            return false;
        }
        more[before] = (struct span){first, (uint32_t)a->n_frames - first};
    }
    *out = (*spans)[known->number];
    return true;
}

static bool expand(struct analysis *a, struct stack *stack, uint32_t number,
                   struct known_table *addresses, struct known_table *names, struct span **spans)
{
    const uint64_t *returns;
    size_t n = trace_stack(a->trace, number, &returns);
    uint32_t room = 0;
    for (size_t i = 0; i < n; i++) {
        struct span span;
        if (!frames_of(a, addresses, names, returns[i], spans, &span)) {
            return false;
        }
        if (stack->n_frames + span.n > room) {
            room = 2 * (stack->n_frames + span.n);
            uint32_t *frames = realloc(stack->frames, room * sizeof *frames);
            if (!frames) {
                return false;
            }
            stack->frames = frames;
        }
        for (uint32_t k = 0; k < span.n; k++) {
            stack->frames[stack->n_frames++] = span.first + k;
        }
    }
    return true;
}

bool analysis_frames(struct analysis *a)
{
    struct known_table addresses = {0}, names = {0};
    struct span *spans = NULL;
    bool done = true;
    for (uint32_t i = 1; done && i <= a->n_stacks; i++) {
        if (a->stacks[i].did.allocations > 0) {
            done = expand(a, &a->stacks[i], i, &addresses, &names, &spans);
        }
    }
    free(addresses.places);
    free(names.places);
    free(spans);
    return done;
}
