/* SPDX-License-Identifier: MIT
 * object.h: an object that is costly to construct: o1's. A pool that keeps the constructed state pays
 * once a block, the others at each allocation. */
#ifndef BENCH_OBJECT_H
#define BENCH_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

struct object {
    uint64_t stamp; /* the user's; the state that is kept is behind it */
    uint64_t table[31];
};

static inline bool construct_object(void *block, void *unused)
{
    struct object *object = (struct object *)block;
    uint64_t x = 1;
    (void)unused;
    for (size_t round = 0; round < 4; round++) {
        for (size_t i = 0; i < 31; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            object->table[i] = x;
        }
        __asm__ volatile("" : : : "memory");
    }
    return true;
}

#endif /* BENCH_OBJECT_H */
