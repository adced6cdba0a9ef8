/* SPDX-License-Identifier: MIT
 * realloc_growth.c STEPS VECTORS: texts that grow by a few bytes at a time among others that do the
 * same, then vectors that grow by half to 64 MiB: once one alone, once two in turn.
 */
#include "workload.h"

enum { TEXTS = 200, TEXT_END = 64 * 1024, VECTOR_START = 4096, VECTOR_END = 64 << 20 };

typedef struct text {
    void *bytes;
    size_t size;
} text;

static void grow(text *t, size_t size)
{
    t->bytes = realloc(t->bytes, size);
    if (!t->bytes) {
        die("realloc");
    }
    write_block(t->bytes, t->size, size);
    t->size = size;
}

static void drop(text *t)
{
    free(t->bytes);
    *t = (text){0};
}

static void grow_texts(size_t steps)
{
    uint64_t seed = 7;
    text texts[TEXTS] = {0};
    for (size_t n = 0; n < steps; n++) {
        text *t = &texts[chance(&seed) % TEXTS];
        if (t->size > TEXT_END) {
            drop(t);
        }
        grow(t, t->size + 16 + chance(&seed) % 240);
    }
    for (size_t i = 0; i < TEXTS; i++) {
        drop(&texts[i]);
    }
}

static void grow_vectors(size_t together)
{
    text vectors[2] = {0};
    for (size_t size = VECTOR_START; size < VECTOR_END; size += size / 2) {
        for (size_t i = 0; i < together; i++) {
            grow(&vectors[i], size);
        }
    }
    for (size_t i = 0; i < together; i++) {
        drop(&vectors[i]);
    }
}

int main(int argc, char **argv)
{
    size_t steps = argument(argc, argv, 1), vectors = argument(argc, argv, 2);
    grow_texts(steps);
    for (size_t i = 0; i < vectors; i++) {
        grow_vectors(1 + i % 2);
    }
    mark("freed", 0);
    return 0;
}
