/* SPDX-License-Identifier: MIT
 * connection_table.c: a server's connections as a pool of objects with references that can be checked.
 *
 * A connection has a lock and a buffer. Both are made once and stay while the connection is free, so
 * that accepting the next client costs neither malloc nor pthread_mutex_init.
 *
 * Timers and clients name a connection by reference, never by pointer. So closing one need not look
 * for its timers: a timer that goes off later finds nothing, even if its memory is a new client's by
 * then. */
#include <poolkit/object_pool.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 500, MOST = 64, BUFFER = 4096, IDLE = 40, TICKS = 20000, ACTS = 10 /* a tick */ };

typedef struct {
    pthread_mutex_t lock; /* made once, like the buffer */
    char *buffer;
    size_t used; /* of the buffer */
    unsigned client;
    unsigned closes_at; /* tick; each message moves it */
} connection;

PK_OBJECT_POOL(connections, connection)

/* ---- the built state ---- */

static unsigned n_built, n_ever_built;

static bool build(void *object, void *arg)
{
    (void)arg;
    connection *c = object;
    c->buffer = malloc(BUFFER);
    if (!c->buffer) return false;
    if (pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c->buffer);
        return false;
    }
    c->used = 0;
    n_built++, n_ever_built++;
    return true;
}

static void unbuild(void *object, void *arg)
{
    (void)arg;
    connection *c = object;
    pthread_mutex_destroy(&c->lock);
    free(c->buffer);
    n_built--;
}

/* ---- timers: all run equally long, so the queue is in order of time ---- */

typedef struct {
    connections_ref ref;
    unsigned at;
} timer;

enum { TIMERS = 512 }; /* a power of two above ACTS × (IDLE + 1) */

typedef struct {
    connections pool;
    timer queue[TIMERS];
    unsigned head, tail; /* they wrap; head == tail: empty */
    unsigned opened, refused, closed, stale_timers, stale_messages, wrong;
} server;

static void start_timer(server *s, connection *c, unsigned now)
{
    c->closes_at = now + IDLE;
    s->queue[s->tail++ % TIMERS] = (timer){connections_ref_of(&s->pool, c), c->closes_at};
}

/* Back to the built state: the buffer empty, the lock free. */
static void close_connection(server *s, connection *c)
{
    c->used = 0;
    s->closed++;
    connections_delete(&s->pool, c);
}

static void run_timers(server *s, unsigned now)
{
    for (; s->head != s->tail && s->queue[s->head % TIMERS].at <= now; s->head++) {
        connection *c = connections_get(&s->pool, s->queue[s->head % TIMERS].ref);
        if (!c) {
            s->stale_timers++; /* closed long ago: nothing to do */
        } else if (c->closes_at <= now) {
            close_connection(s, c);
        }
    }
}

/* A message from a client; `known` is what the client was told that its connection is. */
static void receive(server *s, unsigned client, connections_ref *known, unsigned now)
{
    connection *c = connections_get(&s->pool, *known);
    if (!c) { /* timed out, or the first message */
        s->stale_messages += known->handle.generation != 0;
        c = connections_new(&s->pool);
        *known = connections_ref_of(&s->pool, c); /* of NULL: it names nothing */
        if (!c) {
            s->refused++; /* the table is full */
            return;
        }
        c->client = client;
        s->opened++;
    }
    s->wrong += c->client != client;
    pthread_mutex_lock(&c->lock); /* a worker may be sending from the buffer */
    c->used += (size_t)snprintf(c->buffer + c->used, BUFFER - c->used, "%u:%u ", client, now);
    if (c->used > BUFFER / 2) c->used = 0; /* as if it was sent on */
    pthread_mutex_unlock(&c->lock);
    start_timer(s, c, now);
}

/* ---- the clients: some talk all the time, some fall asleep, some hang up ---- */

static unsigned dice(unsigned n)
{
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
}

static void client_acts(server *s, unsigned client, connections_ref *known, unsigned now)
{
    unsigned what = dice(100);
    if (what < 20) receive(s, client, known, now);
    if (what == 99) { /* hangs up */
        connection *c = connections_get(&s->pool, *known);
        if (c) close_connection(s, c);
    }
}

/* How many connections the pool shows, and whether each is in order. */
static unsigned count(server *s)
{
    unsigned n = 0;
    for (connection *c = NULL; (c = connections_next(&s->pool, c)) != NULL; n++) {
        s->wrong += c->client >= CLIENTS || c->used > BUFFER / 2;
    }
    return n;
}

int main(void)
{
    static server s;
    static connections_ref known[CLIENTS]; /* zero: a reference to nothing */
    unsigned most = 0;
    if (connections_init(&s.pool, &(pk_block_pool_opts){.construct = build,
                                                        .destroy = unbuild,
                                                        .flags = PK_HANDLES,
                                                        .max_blocks = MOST}) != PK_OK)
        return 1;
    for (unsigned now = 1; now <= TICKS; now++) {
        unsigned crowd = now / 1000 % 2 == 0 ? CLIENTS : CLIENTS / 10; /* rush hours */
        for (unsigned i = 0; i < ACTS; i++) {
            unsigned client = dice(crowd);
            client_acts(&s, client, &known[client], now);
        }
        run_timers(&s, now);
        unsigned open = s.opened - s.closed;
        most = open > most ? open : most;
        if (now % 100 == 0 && count(&s) != open) s.wrong++;
    }
    printf("%u connections, at most %u at once, built %u times; %u refused\n", s.opened, most,
           n_ever_built, s.refused);
    printf("%u timers and %u messages were for connections gone\n", s.stale_timers,
           s.stale_messages);
    bool lively = most == MOST && s.refused && s.stale_timers && s.stale_messages;

    run_timers(&s, TICKS + IDLE); /* nobody sends any more: all time out */
    if (count(&s) != 0 || n_ever_built != most) s.wrong++;
    connections_trim(&s.pool, 0); /* the night: all memory goes back */
    if (n_built != 0) s.wrong++;
    return connections_fini(&s.pool) != 0 || s.wrong != 0 || !lively;
}
