/* SPDX-License-Identifier: MIT
 * merge.c: the records of all rings of an image, in the order of their ticks.
 *
 * A round first reads the clock, then how far each ring is written, and takes only records whose
 * tick is not after that clock: the horizon. Why two events at one address cannot be taken in the
 * wrong order: the block was freed, which was published (W2 in wire.h), before it was given out
 * again, and only then did the second event get its tick. So if a round sees the second but not
 * the first, the first was published after the round had begun, and the second's tick lies past
 * the horizon. It waits for the next round, which sees both.
 *
 * A thread may be held up between an event's tick and its publication; its event comes a round
 * late and gets the time of the one before it.
 */
#include "record/image.h"
#include "record/session.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How much of a ring may be taken before its producer is told, as a part of the ring. */
#define TELL_PART 8

/* Partners: the producer's load of `read` before it writes, and its wait on `waiting`. The
 * exchange comes after the store in the one order of all seq_cst operations, and the producer says
 * that it waits before it looks at `read` once more: one of the two sees the other. */
static void tell(struct ring *r)
{
    if (r->told == r->read) {
        return;
    }
    r->told = r->read;
    atomic_store(&r->shared->read, r->read);
    if (atomic_load(&r->shared->waiting) && atomic_exchange(&r->shared->waiting, 0)) {
        syscall(SYS_futex, &r->shared->waiting, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

/* Partner: the producer's release store of `written`. A position that cannot be (W1) means that
 * the program has written into the ring by mistake. */
static void look(struct image *image, struct ring *r)
{
    uint64_t written = atomic_load_explicit(&r->shared->written, memory_order_acquire);
    if (written - r->read > r->words) {
        image->damaged = true;
        return;
    }
    r->head = written;
}

static inline void read_tick(const struct image *image, struct ring *r)
{
    r->tick = ticks_since(image->start, r->data[r->read & (r->words - 1)] >> 8);
}

static void sift_down(struct ring **heap, size_t n, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        child += child + 1 < n && heap[child + 1]->tick < heap[child]->tick;
        if (heap[i]->tick <= heap[child]->tick) {
            return;
        }
        struct ring *moved = heap[i];
        heap[i] = heap[child];
        heap[child] = moved;
    }
}

/* Takes from one ring as long as its records are not after `limit`. */
static void take_run(struct image *image, struct ring *r, uint64_t limit)
{
    do {
        if (!record_take(image, r)) {
            image->damaged = true;
            r->read = r->head;
        }
        image->drained++;
        if (r->read - r->told >= r->words / TELL_PART) {
            tell(r);
        }
        if (r->read == r->head) {
            return;
        }
        read_tick(image, r);
    } while (r->tick <= limit);
}

static size_t gather(struct image *image, uint64_t horizon)
{
    size_t n = 0;
    for (size_t i = 0; i < image->n_rings; i++) {
        look(image, image->rings[i]);
    }
    for (size_t i = 0; i < image->n_rings; i++) {
        struct ring *r = image->rings[i];
        if (r->read != r->head) {
            read_tick(image, r);
            if (r->tick <= horizon) {
                image->heap[n++] = r;
            }
        }
    }
    for (size_t i = n / 2; i-- > 0;) {
        sift_down(image->heap, n, i);
    }
    return n;
}

static void merge(struct image *image, uint64_t horizon)
{
    struct ring **heap = image->heap;
    size_t n = gather(image, horizon);
    while (n > 0) {
        uint64_t limit = horizon;
        for (size_t i = 1; i < n && i < 3; i++) {
            limit = heap[i]->tick < limit ? heap[i]->tick : limit;
        }
        take_run(image, heap[0], limit);
        if (heap[0]->read == heap[0]->head || heap[0]->tick > horizon) {
            heap[0] = heap[--n];
        }
        sift_down(heap, n, 0);
    }
}

static void discard(struct image *image)
{
    for (size_t i = 0; i < image->n_rings; i++) {
        look(image, image->rings[i]);
        image->rings[i]->read = image->rings[i]->head;
    }
}

void image_drain(struct image *image, bool all)
{
    uint64_t now = ticks_since(image->start, ticks_now(&image->session->ticks));
    image->drained = 0;
    if (image->discarded) {
        discard(image);
    } else {
        merge(image, all ? UINT64_MAX : now);
    }
    for (size_t i = 0; i < image->n_rings; i++) {
        tell(image->rings[i]);
    }
}
