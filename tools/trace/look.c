/* SPDX-License-Identifier: MIT
 * look.c: what a trace that is open answers from its tables.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reader.h"

const struct trace_info *trace_info(const struct trace *t) { return &t->tables.info; }
bool trace_whole(const struct trace *t) { return t->whole; }
uint64_t trace_events(const struct trace *t) { return t->tables.events; }
uint64_t trace_bytes(const struct trace *t) { return t->source.size; }
uint64_t trace_dropped(const struct trace *t) { return t->tables.dropped; }

uint64_t trace_duration(const struct trace *t)
{
    const struct pki_list *samples = &t->tables.samples;
    uint64_t last = t->tables.tick * TRACE_TICK;
    uint64_t sample = samples->n ? trace_sample(t, samples->n - 1)->time : 0;
    return sample > last ? sample : last;
}

size_t trace_threads(const struct trace *t)
{
    size_t named = t->tables.threads.n, used = t->tables.top_thread;
    return named > used ? named : used;
}

const struct trace_thread *trace_thread(const struct trace *t, size_t index)
{
    static const struct trace_thread unknown;
    const struct trace_thread *threads = t->tables.threads.at;
    return index < t->tables.threads.n ? &threads[index] : &unknown;
}

size_t trace_modules(const struct trace *t) { return t->tables.modules.n; }

const struct trace_module *trace_module(const struct trace *t, size_t index)
{
    return (const struct trace_module *)t->tables.modules.at + index;
}

size_t trace_samples(const struct trace *t) { return t->tables.samples.n; }

const struct trace_sample *trace_sample(const struct trace *t, size_t index)
{
    return (const struct trace_sample *)t->tables.samples.at + index;
}

size_t trace_stacks(const struct trace *t) { return t->tables.top_stack; }

/* The first at or above `number`: where no number is missing, the one at its place. */
static size_t find_stack(const struct pki_list *list, uint32_t number)
{
    const struct pki_stack *stacks = list->at;
    size_t low = 0, high = list->n;
    if (number && number <= list->n && stacks[number - 1].number == number) return number - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stacks[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t trace_stack(const struct trace *t, uint32_t stack, const uint64_t **frames)
{
    const struct pki_list *list = &t->tables.stacks;
    const struct pki_stack *stacks = list->at;
    size_t i = find_stack(list, stack);
    *frames = NULL;
    if (i == list->n || stacks[i].number != stack || stacks[i].n == 0) return 0;
    *frames = (const uint64_t *)t->tables.frames.at + stacks[i].first;
    return stacks[i].n;
}

size_t trace_symbol(const struct trace *t, uint64_t address, const struct trace_frame **frames)
{
    const struct pki_symbol *symbols = t->tables.symbols.at;
    size_t low = 0, high = t->tables.symbols.n;
    *frames = NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == t->tables.symbols.n || symbols[low].address != address || symbols[low].n == 0) {
        return 0;
    }
    *frames = (const struct trace_frame *)t->tables.symbol_frames.at + symbols[low].first;
    return symbols[low].n;
}

/* Of several that were loaded there one after the other, the last. */
static const struct trace_module *module_of(const struct trace *t, uint64_t address)
{
    for (size_t i = trace_modules(t); i-- > 0;) {
        const struct trace_module *m = trace_module(t, i);
        if (address >= m->start && address < m->end) return m;
    }
    return NULL;
}

void trace_name(const struct trace *t, uint64_t address, char *text, size_t room)
{
    const struct trace_frame *frames;
    if (trace_symbol(t, address, &frames) && frames->function[0]) {
        snprintf(text, room, "%s", frames->function);
        return;
    }
    const struct trace_module *m = module_of(t, address);
    if (!m) {
        snprintf(text, room, "0x%" PRIx64, address);
        return;
    }
    const char *slash = strrchr(m->path, '/');
    snprintf(text, room, "%s+0x%" PRIx64, slash ? slash + 1 : m->path, address - m->bias);
}
