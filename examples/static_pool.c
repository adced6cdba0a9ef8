/* SPDX-License-Identifier: MIT
 * static_pool.c: messages from an interrupt to a main loop, in static memory, as in firmware: no
 * malloc, no operating system, nothing that can fail at a bad moment but one allocation, which the
 * interrupt survives. Compiled with -ffreestanding it needs no C library; docs/embedded.md.
 *
 * A pool is for one thread at a time, and an interrupt is another one: the main loop calls the pool
 * with interrupts switched off. */
#include <poolkit/block_pool.h>

enum { MESSAGES = 16, EVENTS = 100000 };

typedef struct message {
    struct message *next;
    uint32_t number; /* counted by the device, from 1 */
    uint32_t value;
} message;

/* All the memory there is: for MESSAGES messages at least, and the pool's own records. */
static unsigned char storage[PK_BLOCK_POOL_BYTES(MESSAGES, sizeof(message), PK_ALIGN)];
static pk_block_pool pool;

/* ---- the queue: filled by the interrupt, emptied by the main loop ---- */

static message *first, **last = &first;
static uint32_t n_lost, n_queued;

/* The device has a value: what an interrupt vector would point to. */
static void on_interrupt(uint32_t number, uint32_t value)
{
    message *m = pk_block_pool_alloc(&pool);
    if (!m) { /* full: this one is lost, the next one may find room */
        n_lost++;
        return;
    }
    *m = (message){NULL, number, value};
    *last = m;
    last = &m->next;
    n_queued++;
}

/* ---- the processor: interrupts that come while they are off wait until they are on. On a board these
 * are its instructions, through which the compiler must move no access to memory ---- */

static bool masked;
static uint32_t n_raised, n_pending;

static uint32_t value_of(uint32_t number) { return number * 2654435761u; }

static void deliver(void)
{
    for (; !masked && n_pending > 0; n_pending--) {
        n_raised++;
        on_interrupt(n_raised, value_of(n_raised));
    }
}

static void interrupts_off(void)
{
    static uint32_t times;
    masked = true;
    n_pending += ++times % 1000 == 0; /* the device does not know */
}

static void interrupts_on(void)
{
    masked = false;
    deliver();
}

static void device_works(uint32_t events)
{
    n_pending += events;
    deliver();
}

/* ---- the main loop ---- */

/* The oldest message; NULL if there is none. */
static message *receive(void)
{
    interrupts_off();
    message *m = first;
    if (m) first = m->next;
    if (!first) last = &first;
    interrupts_on();
    return m;
}

static void give_back(message *m)
{
    interrupts_off();
    pk_block_pool_free(&pool, m);
    interrupts_on();
}

static uint32_t n_handled, n_wrong;

static void handle(const message *m)
{
    static uint32_t newest;
    n_wrong += m->value != value_of(m->number) || m->number <= newest; /* in order, with gaps */
    newest = m->number;
    n_handled++;
}

/* Mostly a few events at a time; now and then a burst that no buffer is made for. */
static void run(void)
{
    for (uint32_t round = 1; n_raised < EVENTS; round++) {
        device_works(round % 100 == 0 ? 10 * MESSAGES : round % 7);
        for (message *m; (m = receive()) != NULL; give_back(m)) handle(m);
    }
}

#if __STDC_HOSTED__
#include <stdio.h>
static void tell(const pk_stats *stats)
{
    printf("%u events: %u handled, %u lost in bursts, %u wrong; %zu bytes of memory, %llu free\n",
           (unsigned)n_raised, (unsigned)n_handled, (unsigned)n_lost, (unsigned)n_wrong,
           sizeof storage, (unsigned long long)(stats->free_in_chunks + stats->untouched));
}
#else
static void tell(const pk_stats *stats) { (void)stats; } /* here a board has its serial line */
#endif

int main(void)
{
    const pk_block_pool_opts opts = {.name = "messages",
                                     .block_size = sizeof(message),
                                     .buffer = storage,
                                     .buffer_size = sizeof storage};
    if (pk_block_pool_need(&opts, MESSAGES) > sizeof storage) return 1;
    if (pk_block_pool_init(&pool, &opts) != PK_OK) return 1;
    run();
    pk_stats stats;
    pk_block_pool_stats(&pool, &stats);
    tell(&stats);
    bool complete = n_queued + n_lost == n_raised && n_handled == n_queued && n_wrong == 0;
    bool bursts = n_lost > 0 && n_lost < EVENTS / 2;
    return pk_block_pool_fini(&pool) != 0 || stats.n_live != 0 || !complete || !bursts;
}
