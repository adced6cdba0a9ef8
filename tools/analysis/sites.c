/* SPDX-License-Identifier: MIT
 * sites.c: gathers call stacks into sites: places of the program that use memory in one way.
 *
 * The function that calls malloc is no site: in redis everything is zmalloc's, in sqlite everything
 * sqlite3MemMalloc's. Nor is the whole stack: one parser called from forty places is one site. So:
 *
 *   1. Functions whose names say that they allocate are passed over (says_it_allocates).
 *   2. Stacks with the same next function are one group. A group whose blocks have one size and one
 *      kind of life is a site; so is one that is too small to matter.
 *   3. Another group is divided by the next function outwards, and so on. It ends after DEPTH_MOST
 *      divisions; a function that leaves the group whole, or through which half of all allocations
 *      pass, is not counted.
 *   4. Where dividing does not help (little of the group then has one size and one life), the group
 *      stays whole: it is a site of mixed use.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis.h"

#define UNIFORM 0.9   /* this share of the blocks has one size, and lives short or long */
#define HELPS 0.3     /* dividing helps if this share of the blocks comes to uniform sites */
#define MATTERS 0.002 /* share of all allocations, or of all bytes, below which nobody divides */
#define LEAST 100     /* allocations likewise */
enum { DEPTH_MOST = 6, FRAMES_MOST = 40, NAME_FRAMES = 3 };

struct gathering {
    struct analysis *a;
    uint32_t *order; /* stacks, those of a group side by side */
    uint8_t *skip;   /* by stack: frames that only allocate */
    size_t room;
    bool failed;
};

static bool contains(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < n && tolower((unsigned char)text[i]) == part[i]) {
            i++;
        }
        if (i == n) {
            return true;
        }
    }
    return false;
}

static bool says_it_allocates(const char *function)
{
    static const char *const parts[] = {"alloc",  "operator new", "strdup",  "strndup",
                                        "memdup", "_m_create",    "asprintf"};
    for (size_t i = 0; function && i < sizeof parts / sizeof *parts; i++) {
        if (contains(function, parts[i])) {
            return true;
        }
    }
    return false;
}

static const struct frame *frame_at(const struct gathering *g, uint32_t stack, uint32_t depth)
{
    const struct stack *s = &g->a->stacks[stack];
    uint32_t i = g->skip[stack] + depth;
    return i < s->n_frames ? &g->a->frames[s->frames[i]] : NULL;
}

static uint32_t name_at(const struct gathering *g, uint32_t stack, uint32_t depth)
{
    const struct frame *frame = frame_at(g, stack, depth);
    return frame ? frame->name : 0;
}

static uint8_t frames_that_allocate(const struct analysis *a, const struct stack *stack)
{
    uint32_t n = 0;
    while (n + 1 < stack->n_frames && n < UINT8_MAX &&
           says_it_allocates(a->frames[stack->frames[n]].function)) {
        n++;
    }
    return (uint8_t)n;
}

static struct behaviour sum_of(const struct gathering *g, size_t first, size_t n)
{
    struct behaviour sum = {0};
    for (size_t i = first; i < first + n; i++) {
        behaviour_add(&sum, &g->a->stacks[g->order[i]].did);
        sum.peak_live += g->a->stacks[g->order[i]].did.peak_live;
    }
    return sum;
}

static bool is_uniform(const struct behaviour *did)
{
    uint64_t most = 0;
    for (int i = 0; i < TOP_SIZES; i++) {
        most = did->sizes[i].count > most ? did->sizes[i].count : most;
    }
    double same = (double)most / (double)did->allocations;
    double brief = (double)did->short_lived / (double)did->allocations;
    return same >= UNIFORM && (brief >= UNIFORM || brief <= 1 - UNIFORM);
}

/* A function through which half of all allocations pass allocates for others, whatever its name. */
static bool serves_all(const struct gathering *g, const struct behaviour *did)
{
    return 2 * did->allocations > g->a->all.allocations;
}

static bool matters(const struct gathering *g, const struct behaviour *did)
{
    const struct behaviour *all = &g->a->all;
    return did->allocations >= LEAST &&
           ((double)did->allocations >= MATTERS * (double)all->allocations ||
            (double)did->bytes >= MATTERS * (double)all->bytes);
}

/* Appends a function to a name, outermost first; those without a name only if `plain_too`. */
static void add_to_name(const struct gathering *g, const struct frame *frame, bool plain_too,
                        char *text, size_t room)
{
    char plain[256];
    size_t used = strlen(text);
    if (!frame || (!frame->function && !plain_too)) {
        return;
    }
    if (!frame->function) {
        trace_name(g->a->trace, frame->address, plain, sizeof plain);
    }
    snprintf(text + used, room - used, "%s%.256s", used ? " › " : "",
             frame->function ? frame->function : plain);
}

/* The outermost functions that make the site what it is. */
static void name_site(const struct gathering *g, struct site *site)
{
    char text[1024] = "";
    uint32_t shown = site->depth < NAME_FRAMES ? site->depth : NAME_FRAMES;
    for (uint32_t i = 0; i < shown; i++) {
        const struct frame *frame = frame_at(g, site->stack, site->depth - 1 - i);
        add_to_name(g, frame, i == 0, text, sizeof text);
    }
    site->name = strdup(*text ? text : "(no call stack)");
}

static void add_site(struct gathering *g, size_t first, size_t n, uint32_t depth)
{
    struct analysis *a = g->a;
    if (a->n_sites == g->room) {
        size_t room = g->room ? 2 * g->room : 64;
        struct site *sites = realloc(a->sites, room * sizeof *sites);
        if (!sites) {
            g->failed = true;
            return;
        }
        a->sites = sites;
        g->room = room;
    }
    struct site *site = &a->sites[a->n_sites];
    *site = (struct site){.stack = g->order[first], .depth = depth, .advice = NO_ADVICE};
    site->did = sum_of(g, first, n);
    for (size_t i = first; i < first + n; i++) {
        a->stacks[g->order[i]].site = (uint32_t)a->n_sites;
    }
    a->n_sites++;
}

/* By the functions from the group's depth on; for one sort, there is no better place for them. */
static const struct gathering *sorted;
static uint32_t sorted_depth;

static int by_name(const void *x, const void *y)
{
    uint32_t a = name_at(sorted, *(const uint32_t *)x, sorted_depth);
    uint32_t b = name_at(sorted, *(const uint32_t *)y, sorted_depth);
    return a < b ? -1 : a > b;
}

static uint64_t divide(struct gathering *g, size_t first, size_t n, uint32_t depth,
                       uint32_t divided);

/* Sites for a group whose stacks share `depth` functions; returns allocations in uniform sites. */
static uint64_t settle(struct gathering *g, size_t first, size_t n, uint32_t depth,
                       uint32_t divided)
{
    struct behaviour did = sum_of(g, first, n);
    bool uniform = is_uniform(&did);
    if (n == 1 || uniform || !frame_at(g, g->order[first], depth) || divided > DEPTH_MOST ||
        depth >= FRAMES_MOST || !matters(g, &did)) {
        add_site(g, first, n, depth);
        return uniform ? did.allocations : 0;
    }
    size_t before = g->a->n_sites;
    uint64_t helped = divide(g, first, n, depth, divided);
    double wanted = serves_all(g, &did) ? 1 : HELPS * (double)did.allocations;
    if ((double)helped < wanted) {
        g->a->n_sites = before;
        add_site(g, first, n, depth);
        return 0;
    }
    return helped;
}

static uint64_t divide(struct gathering *g, size_t first, size_t n, uint32_t depth,
                       uint32_t divided)
{
    uint64_t helped = 0;
    sorted = g;
    sorted_depth = depth;
    qsort(g->order + first, n, sizeof *g->order, by_name);
    for (size_t i = first, next; i < first + n; i = next) {
        uint32_t name = name_at(g, g->order[i], depth);
        for (next = i + 1; next < first + n && name_at(g, g->order[next], depth) == name; next++) {}
        struct behaviour did = sum_of(g, i, next - i);
        bool counts = next - i < n && !serves_all(g, &did);
        helped += settle(g, i, next - i, depth + 1, divided + counts);
    }
    return helped;
}

static int by_size(const void *x, const void *y)
{
    const struct behaviour *a = &((const struct site *)x)->did, *b = &((const struct site *)y)->did;
    if (a->peak_live != b->peak_live) {
        return a->peak_live < b->peak_live ? 1 : -1;
    }
    return a->bytes < b->bytes ? 1 : a->bytes > b->bytes ? -1 : 0;
}

/* Largest first, by the sum of their stacks' peaks; those beyond SITES_MOST become one. */
static bool order_sites(struct gathering *g)
{
    struct analysis *a = g->a;
    uint32_t *now = malloc((a->n_sites + 1) * sizeof *now);
    if (!now) {
        return false;
    }
    for (size_t i = 0; i < a->n_sites; i++) {
        a->sites[i].advice = (int)i; /* its number until now */
    }
    qsort(a->sites, a->n_sites, sizeof *a->sites, by_size);
    for (size_t i = 0; i < a->n_sites; i++) {
        now[a->sites[i].advice] = (uint32_t)(i < SITES_MOST ? i : SITES_MOST - 1);
        a->sites[i].advice = NO_ADVICE;
        if (i >= SITES_MOST) {
            behaviour_add(&a->sites[SITES_MOST - 1].did, &a->sites[i].did);
        }
    }
    for (uint32_t i = 0; i <= a->n_stacks; i++) {
        a->stacks[i].site = a->stacks[i].did.allocations ? now[a->stacks[i].site] : UINT32_MAX;
    }
    bool others = a->n_sites > SITES_MOST;
    a->n_sites = others ? SITES_MOST : a->n_sites;
    for (size_t i = 0; i < a->n_sites; i++) {
        name_site(g, &a->sites[i]);
        a->sites[i].depth += g->skip[a->sites[i].stack];
    }
    if (others) {
        free(a->sites[SITES_MOST - 1].name);
        a->sites[SITES_MOST - 1].name = strdup("(others)");
    }
    free(now);
    return true;
}

bool analysis_sites(struct analysis *a)
{
    struct gathering g = {.a = a,
                          .order = malloc((a->n_stacks + 1) * sizeof *g.order),
                          .skip = calloc(a->n_stacks + 1, 1)};
    size_t n = 0;
    bool done = g.order && g.skip;
    for (uint32_t i = 0; done && i <= a->n_stacks; i++) {
        struct stack *stack = &a->stacks[i];
        if (stack->did.allocations > 0) {
            g.skip[i] = frames_that_allocate(a, stack);
            g.order[n++] = i;
        }
    }
    if (done && n > 0) {
        divide(&g, 0, n, 0, 0);
        done = !g.failed && order_sites(&g);
    }
    free(g.order);
    free(g.skip);
    return done;
}
