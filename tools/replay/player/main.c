/* SPDX-License-Identifier: MIT
 * main.c: poolkit-replay-player. Standard input is the tape, standard output the control file; see
 * tape.h. Not for people: `poolkit replay` starts it.
 */
#include "player.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

static struct worker workers[TAPE_THREADS_MOST];

static void *map(int file, int protection)
{
    struct stat about;
    if (fstat(file, &about) != 0 || about.st_size < TAPE_PAGE) return NULL;
    void *at = mmap(NULL, (size_t)about.st_size, protection, MAP_SHARED | MAP_POPULATE, file, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* The same addresses in every run: once more, with the address space as it is laid out by default. */
static void fix_addresses(char **argv)
{
    int now = personality(0xffffffff);
    if (now >= 0 && !(now & ADDR_NO_RANDOMIZE) &&
        personality(ADDR_NO_RANDOMIZE | (unsigned)now) >= 0) {
        execv("/proc/self/exe", argv);
    }
}

static void attach(struct player *p)
{
    struct tape_control *c = p->control;
    p->slots = (struct tape_slot *)((uintptr_t)c + c->slots_at);
    p->turns = (_Atomic uint32_t *)((uintptr_t)c + c->turns_at);
    p->uses = (struct replay_pool_use *)((uintptr_t)c + c->uses_at);
    p->touch = (enum replay_touch)c->touch;
    p->check = c->check;
    p->parallel = p->tape->mode == REPLAY_PARALLEL;
    for (unsigned i = 0; i < p->tape->threads; i++) {
        workers[i].player = p;
        workers[i].index = i;
        workers[i].uses = p->uses + (size_t)i * p->tape->pools;
    }
}

static void play_alone(struct player *p)
{
    watch_begin(p);
    clock_begin(p);
    play_merged(p, &workers[0]);
    clock_end(p);
    watch_end(p, p->tape->operations, workers[0].live);
}

/* Everything is written into the first worker's place. */
static void sum_up(struct player *p)
{
    if (p->check) play_verify_rest(&workers[0]);
    for (unsigned i = 0; i < p->tape->threads; i++) {
        p->control->failed += workers[i].failed;
        p->control->broken += workers[i].broken;
        for (uint32_t k = 0; i > 0 && k < p->tape->pools; k++) {
            p->uses[k].blocks += workers[i].uses[k].blocks;
            p->uses[k].refused += workers[i].uses[k].refused;
            p->uses[k].moved += workers[i].uses[k].moved;
            p->uses[k].overdue += workers[i].uses[k].overdue;
        }
    }
    for (uint32_t k = 0; k < p->tape->pools; k++) p->uses[k].id = tape_pools(p->tape)[k].id;
}

static bool run(struct player *p)
{
    struct tape_control *c = p->control;
    attach(p);
    if (!pools_begin(p)) {
        strcpy(c->why, "no memory for the pools");
        return false;
    }
    if (c->count_calls && !calls_begin(c)) {
        strcpy(c->why, "the system does not let us count system calls");
        return false;
    }
    if (p->parallel) {
        if (!play_parallel(p, workers)) return false;
    } else {
        play_alone(p);
    }
    sum_up(p);
    c->done = 1;
    return true;
}

int main(int argc, char **argv)
{
    struct player p = {.tape = map(0, PROT_READ)};
    p.control = map(1, PROT_READ | PROT_WRITE);
    if (argc != 1 || !p.tape || !p.control || p.tape->magic != TAPE_MAGIC ||
        p.control->magic != TAPE_MAGIC) {
        static const char text[] = "poolkit-replay-player is started by `poolkit replay` only\n";
        return write(2, text, sizeof text - 1) < 0 ? 126 : 125;
    }
    if (p.tape->mode == REPLAY_MERGED) fix_addresses(argv);
    dup2(2, 1); /* what an allocator prints must not go into the control file */
    if (p.control->count_calls && !calls_split(p.control)) {
        strcpy(p.control->why, "the system does not let us count system calls");
        _exit(125);
    }
    _exit(run(&p) ? 0 : 125); /* no exit handlers: what allocators do there is not our matter */
}
