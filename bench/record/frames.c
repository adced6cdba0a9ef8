/* SPDX-License-Identifier: MIT
 * frames.c: the dearest case for a recorder: malloc and free and nothing else, under 13 frames.
 */
#include <stdlib.h>

#define FRAMES 10
#define BLOCKS 1024

static void *volatile block[BLOCKS];

static __attribute__((noinline)) unsigned turn(unsigned n, unsigned chance)
{
    for (unsigned i = 0; i < n; i++) {
        chance = chance * 1664525u + 1013904223u;
        unsigned at = (chance >> 16) % BLOCKS;
        free(block[at]);
        block[at] = malloc(16 + (chance >> 24));
    }
    return chance;
}

static __attribute__((noinline)) unsigned deep(unsigned frames, unsigned n, unsigned chance)
{
    unsigned next = frames ? deep(frames - 1, n, chance) : turn(n, chance);
    __asm__ volatile("" ::: "memory"); /* a call, not a jump */
    return next;
}

int main(int argc, char **argv)
{
    unsigned chance = 1, turns = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
    for (unsigned i = 0; i < turns; i++) {
        chance = deep(FRAMES, 1000, chance);
    }
    return chance == 0;
}
