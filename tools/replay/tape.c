/* SPDX-License-Identifier: MIT
 * tape.c: the file of a tape: written as operations come, then completed by its head, pools and
 * threads. For parallel tapes the operations are sorted by thread into a second file.
 */
#include "poolkit/files.h"
#include "replay/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool draft_begin(struct tape_draft *d, bool parallel, char *why)
{
    *d = (struct tape_draft){.parallel = parallel, .file = pki_temporary()};
    int copy = d->file < 0 ? -1 : fcntl(d->file, F_DUPFD_CLOEXEC, 3);
    d->stream = copy < 0 ? NULL : fdopen(copy, "w");
    if (d->stream && fseek(d->stream, TAPE_PAGE, SEEK_SET) == 0) return true;
    snprintf(why, TRACE_WHY, "no temporary file for the operations");
    return false;
}

void draft_drop(struct tape_draft *d)
{
    if (d->stream) fclose(d->stream);
    if (d->file > 0) close(d->file);
    free(d->threads);
    free(d->times);
    free(d->clock);
    *d = (struct tape_draft){.file = -1};
}

static bool note_clock(struct tape_draft *d, uint64_t time)
{
    if (d->clocks == d->clock_room) {
        size_t room = d->clock_room ? 2 * d->clock_room : 256;
        uint64_t *clock = realloc(d->clock, room * sizeof *clock);
        if (!clock) return false;
        d->clock = clock;
        d->clock_room = room;
    }
    d->clock[d->clocks++] = time;
    return true;
}

static bool note_thread(struct tape_draft *d, unsigned thread, uint64_t time)
{
    if (d->operations == d->room) {
        size_t room = d->room ? 2 * d->room : 65536;
        uint16_t *threads = realloc(d->threads, room * sizeof *threads);
        if (threads) d->threads = threads;
        uint64_t *times = threads ? realloc(d->times, room * sizeof *times) : NULL;
        if (!times) return false;
        d->times = times;
        d->room = room;
    }
    d->threads[d->operations] = (uint16_t)thread;
    d->times[d->operations] = time;
    return true;
}

bool draft_put(struct tape_draft *d, const struct tape_op *op, unsigned thread, uint64_t time)
{
    if (d->operations % TAPE_CLOCK == 0 && !note_clock(d, time)) return false;
    if (d->parallel && !note_thread(d, thread, time)) return false;
    d->operations++;
    return fwrite(op, sizeof *op, 1, d->stream) == 1;
}

static void lay_out(struct tape_head *head, uint64_t operations, bool parallel)
{
    head->operations = operations;
    head->operations_at = TAPE_PAGE;
    head->pools_at = tape_pages(TAPE_PAGE + operations * sizeof(struct tape_op));
    head->threads_at = tape_pages(head->pools_at + head->pools * sizeof(struct tape_pool));
    uint64_t end = tape_pages(head->threads_at + head->threads * sizeof(struct tape_thread));
    head->times_at = parallel ? end : 0;
    head->bytes = parallel ? tape_pages(end + operations * sizeof(uint64_t)) : end;
}

static void *map_file(int file, uint64_t bytes)
{
    if (file < 0 || ftruncate(file, (off_t)bytes) != 0) return NULL;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* Counting sort: who has how many, where each begins, and then everything to its place. */
static void sort(const struct tape_draft *d, const struct tape_op *in, struct tape_head *to)
{
    struct tape_thread *threads = tape_threads(to);
    struct tape_op *out = tape_operations(to);
    uint64_t *times = (uint64_t *)((uintptr_t)to + to->times_at), next = 0;
    for (uint64_t i = 0; i < d->operations; i++) threads[d->threads[i]].n++;
    for (uint32_t k = 0; k < to->threads; k++) {
        threads[k].first = next;
        next += threads[k].n;
        threads[k].n = 0;
    }
    for (uint64_t i = 0; i < d->operations; i++) {
        struct tape_thread *thread = &threads[d->threads[i]];
        uint64_t place = thread->first + thread->n++;
        out[place] = in[i];
        times[place] = d->times[i];
    }
}

static struct tape_head *sorted(struct tape_draft *d, const struct tape_head *head, int *file)
{
    char *from = map_file(d->file, head->bytes); /* without a head */
    *file = pki_temporary();
    struct tape_head *to = from ? map_file(*file, head->bytes) : NULL;
    if (to) {
        *to = *head;
        sort(d, (const struct tape_op *)(uintptr_t)(from + head->operations_at), to);
    }
    if (from) munmap(from, head->bytes);
    return to;
}

struct replay_tape *draft_finish(struct tape_draft *d, const struct tape_head *known,
                                 const struct tape_pool *pools, char *why)
{
    struct tape_head head = *known;
    struct replay_tape *tape = calloc(1, sizeof *tape);
    bool good = tape && fflush(d->stream) == 0;
    lay_out(&head, d->operations, d->parallel);
    if (good && d->parallel) {
        tape->head = sorted(d, &head, &tape->file);
    } else if (good) {
        tape->file = fcntl(d->file, F_DUPFD_CLOEXEC, 3);
        tape->head = map_file(tape->file, head.bytes);
    }
    if (!good || !tape->head) {
        snprintf(why, TRACE_WHY, "cannot write the operations: %s", strerror(errno));
        if (tape && tape->file > 0) close(tape->file);
        free(tape);
        return NULL;
    }
    *tape->head = head;
    if (head.pools) memcpy(tape_pools(tape->head), pools, head.pools * sizeof *pools);
    if (!d->parallel) tape_threads(tape->head)[0] = (struct tape_thread){0, d->operations};
    tape->clock = d->clock;
    tape->clocks = d->clocks;
    d->clock = NULL;
    return tape;
}

void replay_tape_end(struct replay_tape *tape)
{
    if (!tape) return;
    munmap(tape->head, tape->head->bytes);
    close(tape->file);
    free(tape->clock);
    free(tape->plan_ids);
    free(tape);
}

uint64_t replay_tape_operations(const struct replay_tape *tape) { return tape->head->operations; }
uint64_t replay_tape_live_peak(const struct replay_tape *tape) { return tape->head->live_peak; }
uint64_t replay_tape_planned(const struct replay_tape *tape) { return tape->planned; }
