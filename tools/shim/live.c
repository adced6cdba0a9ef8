/* SPDX-License-Identifier: MIT
 * live.c: the table of live blocks: address to requested size.
 *
 * Open addressing with tombstones, in shards that each have a spin lock, in memory from mmap.
 * A shard's pair of words is written size first, address last, and a grown table is published by
 * one store: so the copy that a forked child inherits is usable even if another thread was in the
 * middle of a change.
 */
#include "shim.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define SHARDS 64u
#define FIRST_SLOTS 256u
#define GONE ((uintptr_t)1)

typedef struct slot {
    uintptr_t block;
    size_t size;
} slot;

typedef struct table {
    size_t mask;
    size_t bytes;
    slot slots[];
} table;

typedef struct shard {
    _Alignas(64) atomic_flag lock;
    table *table;
    size_t used; /* live blocks and tombstones */
    size_t live;
} shard;

static shard shards[SHARDS];
static _Atomic size_t table_bytes;

static size_t hash_of(uintptr_t block)
{
    return (size_t)(((uint64_t)block >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 16);
}

static void lock(shard *s)
{
    while (atomic_flag_test_and_set_explicit(&s->lock, memory_order_acquire)) {
        sched_yield();
    }
}

static void unlock(shard *s) { atomic_flag_clear_explicit(&s->lock, memory_order_release); }

/* Populated at once, so that what the table costs is known exactly. */
static table *map_table(size_t slots)
{
    size_t bytes = sizeof(table) + slots * sizeof(slot);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    table *t = memory;
    t->mask = slots - 1;
    t->bytes = (bytes + 4095) & ~(size_t)4095;
    atomic_fetch_add(&table_bytes, t->bytes);
    return t;
}

static void insert(table *t, uintptr_t block, size_t size)
{
    size_t i = hash_of(block) / SHARDS & t->mask;
    while (t->slots[i].block > GONE) {
        i = (i + 1) & t->mask;
    }
    t->slots[i].size = size;
    atomic_signal_fence(memory_order_release);
    t->slots[i].block = block;
}

static bool make_room(shard *s)
{
    table *old = s->table;
    if (old && s->used + 1 <= (old->mask + 1) / 4 * 3) {
        return true;
    }
    size_t slots = FIRST_SLOTS;
    while (slots / 2 < s->live + 1) {
        slots *= 2;
    }
    table *fresh = map_table(slots);
    if (!fresh) {
        return old && s->used < old->mask;
    }
    for (size_t i = 0; old && i <= old->mask; i++) {
        if (old->slots[i].block > GONE) {
            insert(fresh, old->slots[i].block, old->slots[i].size);
        }
    }
    s->used = s->live;
    atomic_signal_fence(memory_order_release);
    s->table = fresh;
    if (old) {
        atomic_fetch_sub(&table_bytes, old->bytes);
        munmap(old, old->bytes);
    }
    return true;
}

bool pki_live_add(uintptr_t block, size_t size)
{
    shard *s = &shards[hash_of(block) % SHARDS];
    lock(s);
    bool room = make_room(s);
    if (room) {
        insert(s->table, block, size);
        s->used++;
        s->live++;
    }
    unlock(s);
    return room;
}

bool pki_live_remove(uintptr_t block, size_t *size)
{
    size_t hash = hash_of(block);
    shard *s = &shards[hash % SHARDS];
    bool found = false;
    lock(s);
    table *t = s->table;
    if (t) {
        size_t i = hash / SHARDS & t->mask;
        while (t->slots[i].block && t->slots[i].block != block) {
            i = (i + 1) & t->mask;
        }
        found = t->slots[i].block == block;
        if (found) {
            *size = t->slots[i].size;
            t->slots[i].block = GONE;
            s->live--;
        }
    }
    unlock(s);
    return found;
}

size_t pki_live_bytes(void) { return atomic_load(&table_bytes); }

void pki_live_after_fork(void)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        atomic_flag_clear(&shards[i].lock);
    }
}
