/* SPDX-License-Identifier: MIT
 * pairs.c OPERATION NUMBER: does an operation so many times, for counting instructions: what N more
 * of them add is N times the cost of one, with the loop and the calls around it.
 */
#include "workload.h"

#include <string.h>

enum { BATCH = 100, GROWN = 32 };

/* C++'s allocation functions, by the names that its ABI gives them. */
void *cxx_new(size_t size) __asm__("_Znwm");
void *cxx_new_aligned(size_t size, size_t align) __asm__("_ZnwmSt11align_val_t");
void cxx_delete(void *block, size_t size) __asm__("_ZdlPvm");
void cxx_delete_aligned(void *block, size_t size, size_t align) __asm__("_ZdlPvmSt11align_val_t");

static void pair(size_t number)
{
    for (size_t n = 0; n < number; n++) {
        void *volatile block = malloc(64);
        free(block);
    }
}

static void batch(size_t number)
{
    void *volatile blocks[BATCH];
    for (size_t n = 0; n < number; n++) {
        blocks[n % BATCH] = malloc(64);
        if (n % BATCH == BATCH - 1) {
            for (size_t i = 0; i < BATCH; i++) {
                free(blocks[i]);
            }
        }
    }
}

/* Each of 16 to 1,024 bytes once in 64 turns, in an order that jumps. */
static void mixed(size_t number)
{
    for (size_t n = 0; n < number; n++) {
        void *volatile block = malloc(16 + 16 * (n * 27 % 64));
        free(block);
    }
}

static void zeroed(size_t number)
{
    for (size_t n = 0; n < number; n++) {
        void *volatile block = calloc(1, 256);
        free(block);
    }
}

static void aligned(size_t number)
{
    for (size_t n = 0; n < number; n++) {
        void *block = NULL;
        if (posix_memalign(&block, 64, 64) != 0) {
            die("posix_memalign");
        }
        free(block);
    }
}

/* A text that is appended to, 32 bytes at a time, to 1 KiB, again and again. */
static void grown(size_t number)
{
    void *volatile block = NULL;
    for (size_t n = 0; n < number; n++) {
        block = realloc(block, 32 * (n % GROWN + 1));
        if (n % GROWN == GROWN - 1) {
            free(block);
            block = NULL;
        }
    }
    free(block);
}

static void sized_delete(size_t number)
{
    for (size_t n = 0; n < number; n++) {
        void *volatile block = cxx_new(64);
        cxx_delete(block, 64);
    }
}

static void aligned_delete(size_t number)
{
    for (size_t n = 0; n < number; n++) {
        void *volatile block = cxx_new_aligned(64, 64);
        cxx_delete_aligned(block, 64, 64);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(size_t number);
    } operations[] = {{"pair", pair},        {"batch", batch},
                      {"mixed", mixed},      {"calloc", zeroed},
                      {"aligned", aligned},  {"realloc", grown},
                      {"new", sized_delete}, {"aligned-new", aligned_delete}};
    size_t number = argument(argc, argv, 2);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (strcmp(argv[1], operations[i].name) == 0) {
            operations[i].run(number);
            return 0;
        }
    }
    fprintf(stderr, "pairs: no operation %s\n", argv[1]);
    return 2;
}
