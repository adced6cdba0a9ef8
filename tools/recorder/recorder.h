/* SPDX-License-Identifier: MIT
 * recorder.h: what the files of libpoolkit-record.so share.
 *
 * hooks.c  the calls of the interposition layer become records
 * ring.c   one ring per thread: made, reused, waited for
 * image.c  the control page, the file of this program image, forks, the end
 * stacks.c and others: see stacks.h
 *
 * Threads: a struct pki_thread is used by the thread that owns it only. What all threads share is
 * atomic. Everything that grows lies in files that are mapped shared, because the resident
 * anonymous memory of the process is what a recording measures.
 */
#ifndef POOLKIT_RECORDER_RECORDER_H
#define POOLKIT_RECORDER_RECORDER_H

#include "cpu.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PKI_LIKELY(x) __builtin_expect(!!(x), 1)
#define PKI_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* One ring and what its producer keeps beside it; lies behind the ring in the same file. */
struct pki_thread {
    uint64_t position; /* of the next word: what ring->written will be */
    uint64_t soft_end; /* up to there may be written without looking at the reader */
    uint64_t mask;     /* words - 1 */
    uint64_t *data;
    struct pki_wire_ring *ring;
    struct pki_stack_cache *stacks;
    uint64_t dropped; /* events since the last record, for which there was no room */
    struct pki_thread *next_free;
    struct pki_thread *next_all;
    size_t file_bytes;
    int nested; /* how many of this thread's other rings were busy when it got this one */
};

/* What a thread knows about itself. `epoch` is that of the image in which its ring was made; any
 * other value leads to the slow path. */
struct pki_self {
    uint32_t epoch;
    uint32_t depth; /* rings of this thread that are in the middle of a record */
    struct pki_thread *thread;
};
#define PKI_EPOCH_NONE UINT32_MAX
#define PKI_EPOCH_BUSY (UINT32_MAX - 1)

extern _Thread_local struct pki_self pki_self __attribute__((tls_model("initial-exec")));

/* Of this process; never written after they have been set, but by the child of a fork. */
extern struct pki_wire_control *pki_control;
extern struct pki_wire_image *pki_image;
/* The epoch of the image; 0 in a forked child that has not begun its own, or if not recorded. */
extern _Atomic uint32_t *pki_epoch;

/* What the threads of an image share. Lies in files, as everything that grows. */
#define PKI_SAID_MOST 2048
#define PKI_SAID_GONE ((uintptr_t)1)
struct pki_said { /* a module that has been announced */
    _Atomic uintptr_t start;
    uintptr_t bias;
};

struct pki_numbered {
    _Atomic uint64_t hash;
    _Atomic uint32_t number;
};

#define PKI_TABLES_MOST 10
struct pki_number_table {
    size_t mask;
    size_t bytes;
    struct pki_numbered places[];
};

struct pki_image_tables {
    struct pki_number_table *_Atomic numbers[PKI_TABLES_MOST];
    struct pki_said said[PKI_SAID_MOST];
};

static inline uint64_t pki_ticks(void)
{
    return pki_control->clock == PKI_CLOCK_TSC ? pki_clock_tsc() : pki_clock_monotonic();
}

/* ---- image.c ---- */

/* True if this process is recorded: begins the image of a forked child if need be. */
bool pki_image_current(void);
/* Makes a file in the folder, with its bytes reserved so that writing to it cannot fail, and maps
 * it. It gets its name by pki_file_publish. NULL: no room, no descriptor, no folder. */
void *pki_file_make(size_t bytes, unsigned number);
bool pki_file_publish(const char *suffix, unsigned number);
struct pki_image_tables *pki_image_tables(void);
/* Table `level` of the stacks' numbers, made with so many places if it is not there. NULL: no room. */
struct pki_number_table *pki_image_table(unsigned level, size_t places);
/* Nobody reads any more: all processes of the recording stop writing. */
void pki_recording_over(void);

/* ---- hooks.c ---- */

/* Calls `what` with this thread's ring, if it is recorded. */
void pki_with_ring(void (*what)(struct pki_thread *));

/* ---- ring.c ---- */

/* A ring for this thread, whose name is written to it. NULL: could not be made. */
struct pki_thread *pki_ring_acquire(void);
void pki_ring_release(struct pki_thread *t);
/* Makes room for `words`; false: there is none, and the event is dropped or not wanted. */
bool pki_ring_room(struct pki_thread *t, uint64_t words);
/* In the child of a fork: the rings are the parent's. */
void pki_rings_forget(void);

static inline void pki_put(struct pki_thread *t, uint64_t index, uint64_t word)
{
    t->data[(t->position + index) & t->mask] = word;
}

static inline bool pki_has_room(struct pki_thread *t, uint64_t words)
{
    return PKI_LIKELY(t->position + words <= t->soft_end) || pki_ring_room(t, words);
}

static inline void pki_drop(struct pki_thread *t)
{
    t->dropped++;
    atomic_store_explicit(&t->ring->untold, t->dropped, memory_order_relaxed);
}

static inline void pki_publish(struct pki_thread *t, uint64_t words)
{
    t->position += words;
    atomic_store_explicit(&t->ring->written, t->position, memory_order_release);
}

#endif
