/* SPDX-License-Identifier: MIT
 * play.c: what each operation does, and all of them in order.
 *
 * The memory of a block is written as the option `touch` says when it comes, and when realloc makes
 * it longer: only what is new. In check mode each block gets a pattern that depends on its slot and
 * on the place in the block; it is verified before a free and after a realloc.
 */
#include "player.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static uint8_t seed_of(const struct worker *w, const struct tape_slot *slot)
{
    uint32_t number = (uint32_t)(slot - w->player->slots);
    return (uint8_t)(number * UINT32_C(2654435761) >> 24);
}

static void write_pattern(char *block, uint64_t from, uint64_t to, uint8_t seed)
{
    for (uint64_t i = from; i < to; i++) block[i] = (char)(seed + i + (i >> 8));
}

static bool has_pattern(const char *block, uint64_t n, uint8_t seed)
{
    uint8_t wrong = 0;
    for (uint64_t i = 0; i < n; i++) wrong |= (uint8_t)block[i] ^ (uint8_t)(seed + i + (i >> 8));
    return wrong == 0;
}

static bool is_zero(const char *block, uint64_t n)
{
    char any = 0;
    for (uint64_t i = 0; i < n; i++) any |= block[i];
    return any == 0;
}

static void touch(const struct worker *w, char *block, uint64_t from, uint64_t to)
{
    switch (w->player->touch) {
    case REPLAY_TOUCH_ALL:
        memset(block + from, 0x5a, to - from);
        break;
    case REPLAY_TOUCH_PAGES:
        for (uint64_t i = from; i < to; i = (i | (TAPE_PAGE - 1)) + 1) block[i] = 0x5a;
        break;
    case REPLAY_TOUCH_FIRST:
        if (from == 0 && to > 0) *block = 0x5a;
        break;
    case REPLAY_TOUCH_NONE:
        break;
    }
}

static void fill(struct worker *w, struct tape_slot *slot, uint64_t from, uint64_t to)
{
    if (!slot->block || from >= to) return;
    if (w->player->check) {
        write_pattern(slot->block, from, to, seed_of(w, slot));
    } else {
        touch(w, slot->block, from, to);
    }
}

static void verify(struct worker *w, const struct tape_slot *slot, uint64_t n)
{
    if (w->player->check && slot->block && !has_pattern(slot->block, n, seed_of(w, slot))) {
        w->broken++;
    }
}

static void *from_malloc(unsigned kind, uint64_t size, unsigned align)
{
    switch (kind) {
    case TAPE_CALLOC:
        return calloc(1, size);
    case TAPE_ALIGNED:
        return memalign((size_t)1 << align, size);
    default:
        return malloc(size);
    }
}

static void check_new(struct worker *w, const struct tape_slot *slot, const struct tape_op *op)
{
    uintptr_t mask = ((uintptr_t)1 << tape_align(op->word)) - 1;
    uint64_t size = tape_size(op->word);
    bool good = ((uintptr_t)slot->block & (mask | 15)) == 0 || size < 16;
    if (tape_kind(op->word) == TAPE_CALLOC) good = good && is_zero(slot->block, size);
    w->broken += !good;
}

static void come(struct worker *w, const struct tape_op *op, struct tape_slot *slot)
{
    uint64_t size = tape_size(op->word);
    unsigned kind = tape_kind(op->word), align = tape_align(op->word), pool = tape_pool(op->word);
    void *block = pool ? pools_take(w, pool, size, align, kind == TAPE_CALLOC) : NULL;
    if (!block) {
        pool = 0;
        block = from_malloc(kind, size, align);
    }
    slot->block = block;
    slot->word = tape_word(size, 0, 0, pool);
    w->failed += !block;
    if (block && w->player->check) check_new(w, slot, op);
    fill(w, slot, 0, size);
    atomic_store_explicit(&w->live, w->live + size, memory_order_relaxed);
}

static void go(struct worker *w, struct tape_slot *slot)
{
    unsigned pool = tape_pool(slot->word);
    uint64_t size = tape_size(slot->word);
    verify(w, slot, size);
    if (pool) {
        pools_give(w, pool, slot->block);
    } else {
        free(slot->block);
    }
    slot->block = NULL;
    atomic_store_explicit(&w->live, w->live - size, memory_order_relaxed);
}

/* A block that cannot stay in its pool goes to malloc. */
static void *leave_pool(struct worker *w, unsigned pool, struct tape_slot *slot, uint64_t size)
{
    uint64_t old = tape_size(slot->word);
    void *block = malloc(size);
    if (!block) return NULL;
    memcpy(block, slot->block, old < size ? old : size);
    pools_give(w, pool, slot->block);
    return block;
}

/* realloc(p, 0) would free: the recording has that as a free. */
static void change(struct worker *w, const struct tape_op *op, struct tape_slot *slot)
{
    unsigned pool = tape_pool(slot->word);
    uint64_t old = tape_size(slot->word), size = tape_size(op->word);
    void *block = NULL;
    if (pool && slot->block) block = pools_resize(w, pool, slot->block, old, size);
    if (pool && slot->block && !block) {
        block = leave_pool(w, pool, slot, size);
        pool = 0;
    } else if (!pool) {
        block = realloc(slot->block, size ? size : 1);
    }
    atomic_store_explicit(&w->live, w->live + size - old, memory_order_relaxed);
    w->failed += !block;
    if (!block) { /* it is as it was; what it is said to have is what the recording says */
        slot->word = tape_word(size, 0, 0, tape_pool(slot->word));
        return;
    }
    slot->block = block;
    slot->word = tape_word(size, 0, 0, pool);
    verify(w, slot, old < size ? old : size);
    fill(w, slot, old, size);
}

void play_one(struct worker *w, const struct tape_op *op)
{
    struct tape_slot *slot = &w->player->slots[op->slot];
    switch (tape_kind(op->word)) {
    case TAPE_FREE:
        go(w, slot);
        break;
    case TAPE_REALLOC:
        change(w, op, slot);
        break;
    case TAPE_SCOPE_END:
        pools_scope_end(w, tape_pool(op->word));
        break;
    default:
        come(w, op, slot);
        break;
    }
}

void play_verify_rest(struct worker *w)
{
    for (uint32_t i = 0; i < w->player->tape->slots; i++) {
        const struct tape_slot *slot = &w->player->slots[i];
        verify(w, slot, tape_size(slot->word));
    }
}

void play_merged(struct player *p, struct worker *w)
{
    const struct tape_op *op = tape_operations(p->tape);
    uint64_t n = p->tape->operations;
    for (uint64_t i = 0; i < n; i++) {
        play_one(w, &op[i]);
        if (i >= watch_next || w->live >= watch_next_live) watch_point(p, i + 1, w->live);
    }
}
