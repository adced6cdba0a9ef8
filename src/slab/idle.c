/* SPDX-License-Identifier: MIT
 * idle.c: see idle.h. */
#include "slab/idle.h"

#include "base/bits.h"
#include "os/process.h"
#include "slab/owner.h"
#include "slab/settings.h"

enum {
    IDLE_FROM =
        32 << 20, /* bytes in use: below, an idle program holds less than it is worth a thread */
    QUIET_LOOKS = 3,
    SLEEP_LEAST = 10 /* milliseconds: purge=0 must not make it spin */
};

typedef enum { FORBIDDEN, ALLOWED, AWAKE, PARKED } idle_state;

/* `state` is the futex that the parked thread waits on. Its changes need no order with other memory:
 * what the thread looks at is under locks. `busy` alone is handed over: see park. */
static struct {
    _Atomic uint32_t state;
    _Atomic bool busy;    /* somebody used the space since the last look */
    _Atomic size_t grown; /* bytes taken from the system while there was no thread */
    pki_space *space;
} idle;

void pki_idle_allow(pki_space *space)
{
    idle.space = space;
    atomic_store_explicit(&idle.state, ALLOWED, memory_order_release); /* with pki_idle_look */
}

static size_t give_back(void)
{
    return pki_owners_settle(idle.space) + pki_space_tick(idle.space, pki_os_milliseconds());
}

/* Sequentially consistent here and in pki_idle_look: either the thread sees `busy`, or the other sees
 * that it is parked and wakes it. */
static void park(void)
{
    atomic_store(&idle.state, PARKED);
    while (!atomic_load(&idle.busy) && atomic_load(&idle.state) == PARKED) {
        pki_os_wait(&idle.state, PARKED);
    }
    atomic_store(&idle.state, AWAKE);
}

static void run(void)
{
    for (unsigned quiet = 0;;) {
        pki_os_sleep((uint32_t)pki_max(pki_settings.purge_ms, SLEEP_LEAST));
        bool busy = atomic_exchange(&idle.busy, false);
        quiet = give_back() == 0 && !busy ? quiet + 1 : 0;
        if (quiet == QUIET_LOOKS) {
            park();
            quiet = 0;
        }
    }
}

static void start(void)
{
    uint32_t expected = ALLOWED;
    if (atomic_compare_exchange_strong(&idle.state, &expected, AWAKE) &&
        !pki_os_start_thread("poolkit-purge", run)) {
        atomic_store(&idle.state, FORBIDDEN);
    }
}

void pki_idle_look(const pki_space *space, size_t grown)
{
    uint32_t state = atomic_load_explicit(&idle.state, memory_order_acquire);
    if (state == FORBIDDEN || space != idle.space) {
        return;
    }
    if (state == ALLOWED) {
        size_t before = atomic_fetch_add_explicit(&idle.grown, grown, memory_order_relaxed);
        if (before + grown >= IDLE_FROM && pki_settings.background) {
            start();
        }
        return;
    }
    if (!atomic_load_explicit(&idle.busy, memory_order_relaxed)) {
        atomic_store(&idle.busy, true);
    }
    uint32_t parked = PARKED;
    if (state == PARKED && atomic_compare_exchange_strong(&idle.state, &parked, AWAKE)) {
        pki_os_wake(&idle.state);
    }
}

void pki_idle_after_fork(void)
{
    if (atomic_load(&idle.state) != FORBIDDEN) {
        atomic_store(&idle.state, ALLOWED);
    }
}
