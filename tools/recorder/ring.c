/* SPDX-License-Identifier: MIT
 * ring.c: one ring per thread.
 *
 *   file:  ring's header | words of data | struct pki_thread and what it owns
 *
 * A thread gets a ring with its first event and gives it back when it ends; the next thread gets it
 * then, so that a program which starts a thread per request needs no file per request.
 *
 * Waking: a reader that keeps up is woken once for each half of the ring. `soft_end` is the next
 * position at which the producer has to look: the half, then the end.
 */
#include "recorder.h"
#include "stacks.h"
#include "shim/process.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIG_RINGS 16u    /* a program with more threads gets smaller rings for the others */
#define SMALL_SHARE 8u   /* of a big ring */
#define WAIT_NS 20000000 /* 20 ms: then a waiting producer looks about */
#define LOST_AFTER 100   /* waits without progress after which an unseen reader is given up */

static atomic_flag lock = ATOMIC_FLAG_INIT; /* over the lists; signals are blocked meanwhile */
static struct pki_thread *free_rings, *all_rings;
static unsigned rings;

static void enter(sigset_t *saved)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, saved);
    while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire)) {
        syscall(SYS_sched_yield);
    }
}

static void leave(const sigset_t *saved)
{
    atomic_flag_clear_explicit(&lock, memory_order_release);
    sigprocmask(SIG_SETMASK, saved, NULL);
}

static struct pki_thread *make(void)
{
    unsigned number = rings;
    bool small = number >= BIG_RINGS;
    uint64_t words = PKI_WIRE_RING_WORDS / (small ? SMALL_SHARE : 1);
    size_t bytes = PKI_WIRE_PAGE + (size_t)words * 8;
    size_t all = bytes + sizeof(struct pki_thread) + pki_stack_cache_bytes(small);
    struct pki_wire_ring *ring = pki_file_make(all, number);
    if (!ring) {
        return NULL;
    }
    struct pki_thread *t = (void *)((char *)ring + bytes);
    ring->magic = PKI_WIRE_MAGIC;
    ring->words = words;
    t->ring = ring;
    t->data = (uint64_t *)(void *)((char *)ring + PKI_WIRE_PAGE);
    t->mask = words - 1;
    t->soft_end = words / 2;
    t->file_bytes = all;
    pki_stack_cache_init(t, t + 1, small);
    if (!pki_file_publish("ring.", number)) {
        munmap(ring, all);
        return NULL;
    }
    rings++;
    t->next_all = all_rings;
    all_rings = t;
    return t;
}

static void introduce(struct pki_thread *t)
{
    uint64_t name[2] = {0};
    prctl(PR_GET_NAME, name);
    if (pki_has_room(t, 4)) {
        pki_put(t, 0, pki_ticks() << 8 | PKI_WIRE_THREAD);
        pki_put(t, 1, (uint64_t)syscall(SYS_gettid));
        pki_put(t, 2, name[0]);
        pki_put(t, 3, name[1]);
        pki_publish(t, 4);
    }
}

struct pki_thread *pki_ring_acquire(void)
{
    sigset_t saved;
    enter(&saved);
    struct pki_thread *t = free_rings;
    if (t) {
        free_rings = t->next_free;
        pki_stack_cache_reset(t);
    } else {
        t = make();
    }
    leave(&saved);
    if (t) {
        atomic_store_explicit(&t->ring->in_use, 1, memory_order_release);
        introduce(t);
    } else {
        atomic_fetch_add(&pki_image->lost, 1);
    }
    return t;
}

void pki_ring_release(struct pki_thread *t)
{
    sigset_t saved;
    if (pki_has_room(t, 1)) {
        pki_put(t, 0, pki_ticks() << 8 | PKI_WIRE_THREAD_END);
        pki_publish(t, 1);
    }
    atomic_store_explicit(&t->ring->in_use, 0, memory_order_release);
    enter(&saved);
    t->next_free = free_rings;
    free_rings = t;
    leave(&saved);
}

void pki_rings_forget(void)
{
    struct pki_thread *t = all_rings;
    while (t) {
        struct pki_thread *next = t->next_all;
        munmap(t->ring, t->file_bytes);
        t = next;
    }
    free_rings = all_rings = NULL;
    rings = 0;
    atomic_flag_clear(&lock);
}

static void wake_reader(void)
{
    atomic_fetch_add_explicit(&pki_control->wake, 1, memory_order_release);
    syscall(SYS_futex, &pki_control->wake, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static bool over(void) { return atomic_load_explicit(&pki_control->ended, memory_order_relaxed); }

/* Waits until the reader has gone on from `read`. False: nobody reads any more. */
static bool wait_for_reader(struct pki_wire_ring *ring, uint64_t read)
{
    const struct timespec limit = {.tv_nsec = WAIT_NS};
    for (int tries = 0; !over(); tries++) {
        atomic_store(&ring->waiting, 1);
        if (atomic_load(&ring->read) != read) {
            atomic_store(&ring->waiting, 0);
            return true;
        }
        wake_reader();
        syscall(SYS_futex, &ring->waiting, FUTEX_WAIT, 1, &limit, NULL, 0);
        if (tries >= LOST_AFTER && kill(pki_control->recorder, 0) == -1 && errno == ESRCH) {
            pki_recording_over();
        }
    }
    return false;
}

/* How many words are taken; tells the reader if that is half of the ring or more. */
static uint64_t taken(struct pki_thread *t, uint64_t *read)
{
    *read = atomic_load_explicit(&t->ring->read, memory_order_acquire);
    uint64_t words = t->mask + 1, used = t->position - *read;
    if (used >= words / 2) {
        wake_reader();
    }
    t->soft_end = *read + (used >= words / 2 ? words : words / 2);
    return used;
}

static bool wait_for_room(struct pki_thread *t, uint64_t words)
{
    uint64_t read;
    while (taken(t, &read) + words > t->mask + 1) {
        if (pki_control->may_drop) {
            return false;
        }
        if (!wait_for_reader(t->ring, read)) {
            return false;
        }
    }
    if (t->soft_end < t->position + words) {
        t->soft_end = t->position + words;
    }
    return true;
}

#define GAP_WORDS 2

bool pki_ring_room(struct pki_thread *t, uint64_t words)
{
    int saved = errno;
    uint64_t need = words + (t->dropped ? GAP_WORDS : 0);
    bool room = !over() && wait_for_room(t, need);
    if (room && t->dropped) {
        pki_put(t, 0, pki_ticks() << 8 | PKI_WIRE_GAP);
        pki_put(t, 1, t->dropped);
        pki_publish(t, GAP_WORDS);
        t->dropped = 0;
        atomic_store_explicit(&t->ring->untold, 0, memory_order_relaxed);
    }
    errno = saved;
    return room;
}
