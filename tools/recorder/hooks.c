/* SPDX-License-Identifier: MIT
 * hooks.c: the calls of the interposition layer become records.
 *
 * The common path compares the thread's epoch with the image's, looks whether events are wanted,
 * and stores the record's words. All else makes the epochs differ: a thread's first event, a forked
 * child, a program that is not recorded, and an event in a signal handler that has come upon this
 * very path: its thread gets a second ring for it, so that no record is torn.
 */
#include "stacks.h"
#include "shim/interpose.h"

#include <pthread.h>

#define NESTED_MOST 4 /* signal handlers upon signal handlers; deeper events are lost */

_Thread_local struct pki_self pki_self = {.epoch = PKI_EPOCH_NONE};

static pthread_key_t key;
static _Atomic int key_state; /* 0: none, 1: being made, 2: there */

/* The destructors of a thread have run: what still comes takes a ring for one event only. */
static _Thread_local bool leaving;

static void thread_ends(void *thread)
{
    leaving = true;
    struct pki_self *self = &pki_self;
    if (self->thread == thread && self->epoch == atomic_load(pki_epoch)) {
        self->epoch = PKI_EPOCH_NONE;
        self->thread = NULL;
        pki_ring_release(thread);
    }
}

static void watch_thread_end(struct pki_thread *t)
{
    int none = 0;
    if (atomic_compare_exchange_strong(&key_state, &none, 1)) {
        pthread_key_create(&key, thread_ends);
        atomic_store(&key_state, 2);
    }
    if (atomic_load(&key_state) == 2) {
        pthread_setspecific(key, t);
    }
}

static bool wanted(void)
{
    return PKI_LIKELY(atomic_load_explicit(&pki_control->recording, memory_order_relaxed));
}

/* A ring for a thread that has none, or none that it may use now. `after` becomes the epoch that
 * the thread has when the record is written. */
static struct pki_thread *begin_unusual(struct pki_self *self, uint32_t *after)
{
    if (!pki_image_current() || !wanted() || self->depth >= NESTED_MOST) {
        return NULL;
    }
    bool once = self->epoch == PKI_EPOCH_BUSY || leaving;
    *after = self->epoch;
    if (!once) {
        self->thread = NULL; /* it had none, or before a fork the parent's */
        *after = PKI_EPOCH_NONE;
    }
    pki_depth++;
    self->depth++;
    self->epoch = PKI_EPOCH_BUSY;
    struct pki_thread *t = pki_ring_acquire();
    if (t && !once) {
        watch_thread_end(t);
        self->thread = t;
        self->depth--;
        *after = atomic_load(pki_epoch);
    } else if (!t) {
        self->depth--;
        self->epoch = *after;
    }
    pki_depth--;
    return t;
}

/* NULL: the event is not recorded. Otherwise the thread is busy until end(). */
static inline struct pki_thread *begin(struct pki_self *self, uint32_t *after)
{
    uint32_t epoch = atomic_load_explicit(pki_epoch, memory_order_relaxed);
    if (PKI_UNLIKELY(self->epoch != epoch)) {
        return begin_unusual(self, after);
    }
    if (PKI_UNLIKELY(!wanted())) {
        return NULL;
    }
    *after = epoch;
    self->epoch = PKI_EPOCH_BUSY;
    atomic_signal_fence(memory_order_seq_cst);
    return self->thread;
}

static inline void end(struct pki_self *self, struct pki_thread *t, uint32_t after)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (PKI_UNLIKELY(t != self->thread)) {
        pki_ring_release(t);
        self->depth--;
    }
    self->epoch = after;
}

void pki_with_ring(void (*what)(struct pki_thread *))
{
    struct pki_self *self = &pki_self;
    uint32_t after;
    struct pki_thread *t = begin(self, &after);
    if (t) {
        what(t);
        end(self, t, after);
    }
}

#define COMES_WORDS 4
#define GOES_WORDS 3

void *pki_hook_comes(enum trace_op op, void *block, size_t size, size_t align,
                     const uintptr_t *frame)
{
    struct pki_self *self = &pki_self;
    uint32_t after;
    struct pki_thread *t = begin(self, &after);
    if (!t) {
        return block;
    }
    uint64_t log2 = align ? (uint64_t)__builtin_ctzl(align) : 0;
    uint64_t stack = pki_control->stacks ? pki_stack_number(t, frame) : 0;
    if (pki_has_room(t, COMES_WORDS)) {
        pki_put(t, 0, pki_ticks() << 8 | op);
        pki_put(t, 1, (uint64_t)(uintptr_t)block | log2 << 57);
        pki_put(t, 2, size);
        pki_put(t, 3, stack);
        pki_publish(t, COMES_WORDS);
    } else {
        pki_drop(t);
    }
    end(self, t, after);
    return block;
}

void pki_hook_goes(enum trace_op op, void *block, size_t told, const uintptr_t *frame)
{
    struct pki_self *self = &pki_self;
    uint32_t after;
    struct pki_thread *t = begin(self, &after);
    if (!t) {
        return;
    }
    uint64_t stack =
        pki_control->free_stacks && pki_control->stacks ? pki_stack_number(t, frame) : 0;
    if (pki_has_room(t, GOES_WORDS)) {
        pki_put(t, 0, pki_ticks() << 8 | op);
        pki_put(t, 1, (uint64_t)(uintptr_t)block);
        pki_put(t, 2, stack | (uint64_t)(told < UINT32_MAX ? told : UINT32_MAX) << 32);
        pki_publish(t, GOES_WORDS);
    } else {
        pki_drop(t);
    }
    end(self, t, after);
}

/* What realloc(p, 0) did is known only afterwards, but where it frees, that must have been said
 * before: so it is a free, and a block that it gives nevertheless is a new one. */
void pki_hook_moves(pki_moving *moving, const uintptr_t *frame)
{
    pki_hook_goes(moving->size ? TRACE_REALLOC_TAKES : TRACE_FREE, moving->block, 0, frame);
}

void pki_hook_moved(const pki_moving *moving, void *moved, const uintptr_t *frame)
{
    if (moving->size == 0) {
        if (moved) {
            pki_hook_comes(TRACE_MALLOC, moved, 0, 0, frame);
        }
    } else if (moved) {
        pki_hook_comes(TRACE_REALLOC, moved, moving->size, 0, frame);
    } else {
        pki_hook_comes(TRACE_REALLOC_FAILED, moving->block, moving->size, 0, frame);
    }
}
