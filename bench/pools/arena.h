/* SPDX-License-Identifier: MIT
 * arena.h: the workloads of arenas, and main. A peer's file defines
 *
 *     struct arena;
 *     static inline void  arena_open (struct arena *arena);
 *     static inline void *arena_get  (struct arena *arena, size_t n);
 *     static inline void  arena_reset(struct arena *arena);     all blocks are gone
 *     static inline void  arena_close(struct arena *arena);     the memory too
 *
 * and then includes this file, so that what the peer offers inline is inline in the loops. */
#ifndef BENCH_ARENA_H
#define BENCH_ARENA_H

#include "meter.h"

enum { BLOCKS = 10000, NODES = 50000, ARENAS = 1000, MIXED_SIZES = 1024 };

/* a1: 10,000 blocks of 32 bytes, then reset. */
static void small_blocks(struct meter *m)
{
    struct arena arena;
    arena_open(&arena);
    used(&arena);
    while (meter_next(m, BLOCKS)) {
        for (int i = 0; i < BLOCKS; i++) {
            write_block(arena_get(&arena, 32));
        }
        arena_reset(&arena);
    }
    arena_close(&arena);
}

/* a2: 10,000 blocks of 8 to 256 bytes, then reset. */
static void mixed_blocks(struct meter *m)
{
    static uint16_t sizes[MIXED_SIZES];
    uint64_t seed = 7;
    for (int i = 0; i < MIXED_SIZES; i++) {
        sizes[i] = (uint16_t)(8 + next_random(&seed) % 249);
    }
    struct arena arena;
    arena_open(&arena);
    used(&arena);
    while (meter_next(m, BLOCKS)) {
        for (int i = 0; i < BLOCKS; i++) {
            write_block(arena_get(&arena, sizes[i & (MIXED_SIZES - 1)]));
        }
        arena_reset(&arena);
    }
    arena_close(&arena);
}

struct node {
    struct node *left, *right;
    char *name;
    uint64_t length;
};

/* Node i hangs below node i / 2, and has a name of 1 to 32 letters. */
static struct node *add_node(struct arena *arena, struct node **nodes, uint32_t i)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdef";
    struct node *node = (struct node *)arena_get(arena, sizeof *node);
    node->left = node->right = NULL;
    node->length = 1 + i * 7 % 32;
    node->name = (char *)arena_get(arena, node->length + 1);
    for (uint64_t c = 0; c < node->length; c += 8) { /* letters end at a multiple of 8 */
        size_t rest = node->length - c;
        memcpy(node->name + c, letters + c, rest < 8 ? rest : 8);
    }
    node->name[node->length] = '\0';
    if (i > 0) {
        struct node *parent = nodes[i / 2];
        *(i & 1 ? &parent->left : &parent->right) = node;
    }
    return nodes[i] = node;
}

/* a3: a tree of nodes with names, then reset; an operation is a node, two allocations. */
static void tree(struct meter *m)
{
    static struct node *nodes[NODES];
    struct arena arena;
    arena_open(&arena);
    used(&arena);
    while (meter_next(m, NODES)) {
        for (uint32_t i = 0; i < NODES; i++) {
            used(add_node(&arena, nodes, i));
        }
        arena_reset(&arena);
    }
    arena_close(&arena);
}

/* a4: an arena's whole life, with five allocations; an operation is a life. */
static void tiny_life(struct meter *m)
{
    while (meter_next(m, ARENAS)) {
        for (int i = 0; i < ARENAS; i++) {
            struct arena arena;
            arena_open(&arena);
            used(&arena);
            write_block(arena_get(&arena, 24));
            write_block(arena_get(&arena, 64));
            write_block(arena_get(&arena, 16));
            write_block(arena_get(&arena, 100));
            write_block(arena_get(&arena, 200));
            arena_close(&arena);
        }
    }
}

/* a5: a new arena grows to 256 MiB of 64-byte blocks (16 MiB when instructions are counted). */
static void growth(struct meter *m)
{
    uint64_t n = ((uint64_t)(m->timed ? 256 : 16) << 20) / 64;
    while (meter_next(m, n)) {
        struct arena arena;
        arena_open(&arena);
        used(&arena);
        for (uint64_t i = 0; i < n; i++) {
            write_block(arena_get(&arena, 64));
        }
        arena_close(&arena);
    }
}

int main(int argc, char **argv)
{
    static const struct workload workloads[] = {
        {"a1", small_blocks}, {"a2", mixed_blocks}, {"a3", tree}, {"a4", tiny_life}, {"a5", growth},
    };
    return bench_main(argc, argv, workloads, sizeof workloads / sizeof workloads[0]);
}

#endif /* BENCH_ARENA_H */
