/* SPDX-License-Identifier: MIT
 * request_arena.c: a server that gives each request an arena. What a request needs is allocated
 * without a thought of freeing it; when its answer is sent, all of it is gone by one reset, and the
 * next request finds the same memory, warm. A clean-up closes what is not memory. */
#include <poolkit/arena.h>
#include <stdio.h>
#include <string.h>

typedef struct header {
    struct header *next;
    const char *name, *value;
} header;

typedef struct {
    const char *method, *path;
    header *headers;
} request;

static unsigned open_sessions;

static void close_session(void *arg) { open_sessions -= *(unsigned *)arg; }

/* The text up to `stop`, as a string in the arena; *at moves behind it. */
static const char *take(pk_arena *arena, const char **at, const char *stop)
{
    size_t n = strcspn(*at, stop);
    const char *word = pk_arena_strndup(arena, *at, n);
    *at += n;
    *at += strspn(*at, stop);
    return word;
}

/* "GET /path\nName: value\n…"; NULL if there is no memory. */
static request *parse(pk_arena *arena, const char *text)
{
    request *r = pk_new(arena, request);
    if (!r) return NULL;
    r->method = take(arena, &text, " ");
    r->path = take(arena, &text, "\n");
    r->headers = NULL;
    while (*text) {
        header *h = pk_new(arena, header);
        if (!h) return NULL;
        h->name = take(arena, &text, ": ");
        h->value = take(arena, &text, "\n");
        h->next = r->headers;
        if (!h->name || !h->value) return NULL;
        r->headers = h;
    }
    return r->method && r->path ? r : NULL;
}

/* The answer, in the arena; NULL if there is no memory. */
static const char *answer(pk_arena *arena, const char *text)
{
    unsigned *session = pk_new(arena, unsigned);
    if (!session || pk_arena_defer(arena, close_session, session) != PK_OK) return NULL;
    *session = 1;
    open_sessions++;
    const request *r = parse(arena, text);
    if (!r) return NULL;
    const char *host = "nobody";
    for (const header *h = r->headers; h; h = h->next) {
        if (strcmp(h->name, "Host") == 0) host = h->value;
    }
    return pk_arena_printf(arena, "%s of %s for %s", r->method, r->path, host);
}

int main(void)
{
    static const char *const canned[][2] = {
        {"GET /index.html\nHost: a.example\nAccept: text/html\n",
         "GET of /index.html for a.example"},
        {"PUT /one/two\nHost: b.example\n", "PUT of /one/two for b.example"},
        {"HEAD /\n", "HEAD of / for nobody"},
    };
    pk_arena arena = {0};
    unsigned wrong = 0;
    for (unsigned i = 0; i < 30000; i++) {
        const char *text = answer(&arena, canned[i % 3][0]);
        if (!text || strcmp(text, canned[i % 3][1]) != 0) wrong++;
        pk_arena_reset(&arena); /* runs the clean-up, too */
    }
    pk_stats stats;
    pk_arena_stats(&arena, &stats);
    printf("30000 requests, %u wrong, %u sessions open, at most %llu bytes\n", wrong, open_sessions,
           (unsigned long long)stats.committed_peak);
    pk_arena_fini(&arena);
    return wrong || open_sessions || stats.committed_peak > 65536;
}
