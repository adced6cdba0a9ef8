/* SPDX-License-Identifier: MIT
 * advise.c: tries candidates by replay, keeps what pays, and says how sure that is.
 */
#include "advise.h"

#include "poolkit/tool.h"
#include "text/units.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOWS = 4, SITES_TRIED = 12 };
#define LEAST_BLOCKS 1000
#define LEAST_SHARE 0.005 /* of all allocations, or bytes, or of the peak */
#define WINDOW_MATTERS                                                                             \
    0.5                   /* windows whose peak is below this share of the whole peak say nothing */
#define TIME_MATTERS 0.01 /* of the run */
#define FULL_VOLUME 10000.0

/* One pool for one site, played. */
struct trial {
    size_t site;
    struct replay_pool pool;
    struct replay_tape *tape;
    struct replay_result result;
};

struct trials {
    struct trial *all;
    size_t n;
    struct replay_tape *plain;
    struct replay_result plain_result;
};

static void say(char to[ADVICE_SENTENCES][ADVICE_TEXT], size_t *n, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(char to[ADVICE_SENTENCES][ADVICE_TEXT], size_t *n, const char *format, ...)
{
    va_list args;
    if (*n < ADVICE_SENTENCES) {
        va_start(args, format);
        vsnprintf(to[(*n)++], ADVICE_TEXT, format, args);
        va_end(args);
    }
}

/* ---- what is tried ---- */

static bool worth_trying(const struct analysis *a, const struct site *site)
{
    const struct behaviour *did = &site->did;
    return did->allocations >= LEAST_BLOCKS && site->stack != 0 &&
           ((double)did->allocations >= LEAST_SHARE * (double)a->all.allocations ||
            (double)did->bytes >= LEAST_SHARE * (double)a->all.bytes ||
            (double)did->peak_live >= LEAST_SHARE * (double)a->peak_live);
}

static bool plan_site(struct replay_plan *plan, const struct analysis *a, size_t site,
                      const struct replay_pool *pool, char *why)
{
    if (!replay_plan_pool(plan, pool, why)) {
        return false;
    }
    for (uint32_t i = 1; i <= a->n_stacks; i++) {
        if (a->stacks[i].site == site && !replay_plan_stacks(plan, i, i, pool->id, why)) {
            return false;
        }
    }
    return true;
}

static struct replay_tape *tape_of(struct trace *t, const struct analysis *a,
                                   const struct advice *advice, size_t n, char *why)
{
    struct replay_plan *plan = replay_plan_new();
    bool good = plan != NULL;
    for (size_t i = 0; good && i < n; i++) {
        good = plan_site(plan, a, advice[i].site, &advice[i].pool, why);
    }
    struct replay_tape *tape = good ? replay_tape_make(t, plan, REPLAY_MERGED, why) : NULL;
    replay_plan_end(plan);
    return tape;
}

static bool add_trials(struct trials *trials, struct trace *t, const struct analysis *a, char *why)
{
    size_t sites = 0;
    for (size_t site = 0; site < a->n_sites && sites < SITES_TRIED; site++) {
        struct replay_pool pools[CANDIDATES_MOST];
        size_t n = worth_trying(a, &a->sites[site]) ? advise_candidates(a, site, pools) : 0;
        sites += n > 0;
        for (size_t i = 0; i < n; i++) {
            struct trial *trial = &trials->all[trials->n];
            pools[i].id = 1;
            *trial = (struct trial){.site = site, .pool = pools[i]};
            struct advice one = {.site = site, .pool = pools[i]};
            trial->tape = tape_of(t, a, &one, 1, why);
            if (!trial->tape) {
                return false;
            }
            trials->n++;
        }
    }
    return true;
}

/* Memory of all trials and of the recording as it was, each in a fresh process. */
static int play(struct trials *trials, const char *library, const struct advise_options *o,
                char *why)
{
    struct replay_options options = {
        .memory_only = true, .progress = o->progress, .progress_arg = o->progress_arg};
    size_t n = trials->n + 1;
    struct replay_subject *subjects = calloc(n, sizeof *subjects);
    struct replay_result *results = calloc(n, sizeof *results);
    int code = subjects && results ? 0 : PKI_EXIT_OWN;
    if (code == 0) {
        subjects[0] = (struct replay_subject){"as recorded", library, trials->plain};
        for (size_t i = 0; i < trials->n; i++) {
            subjects[i + 1] = (struct replay_subject){replay_kind_names[trials->all[i].pool.kind],
                                                      library, trials->all[i].tape};
        }
        code = replay_measure(subjects, n, &options, results, why);
        trials->plain_result = results[0];
        for (size_t i = 0; i < trials->n; i++) {
            trials->all[i].result = results[i + 1];
        }
    }
    free(subjects);
    free(results);
    return code;
}

/* ---- what a trial says ---- */

/* The most that was resident in one of WINDOWS equal parts of the operations. */
static double peak_in(const struct replay_result *r, unsigned window, uint64_t operations)
{
    double most = 0;
    for (size_t i = 0; i < r->points; i++) {
        const struct replay_point *p = &r->curve[i];
        bool inside = p->operation >= operations * window / WINDOWS &&
                      p->operation <= operations * (window + 1) / WINDOWS;
        most = inside && (double)p->resident > most ? (double)p->resident : most;
    }
    return most;
}

/* The saving of peak memory: its range by repetitions and by how far the replay was from the
 * recording; its stability by the windows. */
static void judge_memory(struct advice *advice, const struct replay_result *before,
                         const struct replay_result *after, uint64_t operations, double error)
{
    double doubt = fabs(error) * before->peak.median, agree = 0, looked = 0;
    for (unsigned w = 0; w < WINDOWS; w++) {
        double held = peak_in(before, w, operations);
        if (held >= WINDOW_MATTERS * before->peak.median) {
            looked++;
            agree += peak_in(after, w, operations) < held;
        }
    }
    advice->memory = (struct advice_range){before->peak.low - after->peak.high - doubt,
                                           before->peak.high - after->peak.low + doubt};
    advice->stability = looked > 0 ? agree / looked : 0;
}

static void judge_time(struct advice *advice, const struct replay_result *before,
                       const struct replay_result *after, uint64_t operations)
{
    double n = (double)operations;
    advice->time_ns =
        (struct advice_range){(before->ns_per_event.low - after->ns_per_event.high) * n,
                              (before->ns_per_event.high - after->ns_per_event.low) * n};
}

/* Whether another recording has this site, and would try this pool for it. */
static bool agrees(const struct analysis *other, const char *name, const struct replay_pool *pool)
{
    for (size_t site = 0; site < other->n_sites; site++) {
        struct replay_pool pools[CANDIDATES_MOST];
        size_t n =
            strcmp(other->sites[site].name, name) == 0 && worth_trying(other, &other->sites[site])
                ? advise_candidates(other, site, pools)
                : 0;
        for (size_t i = 0; i < n; i++) {
            if (pools[i].kind == pool->kind && pools[i].block_size == pool->block_size) {
                return true;
            }
        }
    }
    return false;
}

static unsigned recordings_that_agree(const struct advise_options *o, const struct site *site,
                                      const struct replay_pool *pool)
{
    unsigned n = 1;
    for (size_t i = 0; i < o->n_others; i++) {
        n += agrees(o->others[i], site->name, pool);
    }
    return n;
}

static void judge_confidence(struct advice *advice, const struct site *site, unsigned recordings)
{
    double volume = (double)site->did.allocations / FULL_VOLUME;
    bool arena = advice->pool.kind == REPLAY_ARENA_SCOPE;
    advice->volume = volume < 1 ? volume : 1;
    advice->runs = recordings >= 3 ? 1 : recordings == 2 ? 0.8 : 0.6;
    advice->model = arena ? 0.6 : 1;
    double all = advice->volume * advice->stability * advice->runs * advice->model;
    advice->level = all >= 0.7 && recordings > 1 ? "high" : all >= 0.35 ? "medium" : "low";
}

static void tell(struct advice *advice, const struct analysis *a,
                 const struct replay_result *before, const struct replay_result *result)
{
    const struct site *site = &a->sites[advice->site];
    const struct behaviour *did = &site->did;
    char text[PKI_TEXT], other[PKI_TEXT], pool[128];
    pki_text_value(text, (double)did->allocations, PKI_COUNT);
    pki_text_value(other, (double)did->peak_live, PKI_BYTES);
    advise_pool_text(&advice->pool, pool, sizeof pool);
    say(advice->evidence, &advice->n_evidence,
        "%s blocks, %s live at most; %.0f %% gone within the next %d allocations.", text, other,
        100.0 * (double)did->short_lived / (double)did->allocations, SHORT_LIVED);
    if (did->pinned >= 4096) {
        pki_text_value(text, did->pinned, PKI_BYTES);
        say(advice->evidence, &advice->n_evidence,
            "Its blocks pinned %s of free memory at the largest footprint.", text);
    }
    say(advice->evidence, &advice->n_evidence,
        "Replayed with %s: the peak is %.1f %% of what it was.", pool,
        100 * result->peak.median / before->peak.median);
    for (size_t i = 0; i < result->n_pools; i++) {
        const struct replay_pool_use *use = &result->pools[i];
        if (use->refused > 0) {
            say(advice->counter, &advice->n_counter,
                "%llu blocks were too large for the pool and stayed with malloc.",
                (unsigned long long)use->refused);
        }
        if (use->moved > 0) {
            say(advice->counter, &advice->n_counter, "%llu blocks grew out of the pool by realloc.",
                (unsigned long long)use->moved);
        }
        if (use->overdue > 0) {
            say(advice->counter, &advice->n_counter,
                "%llu times a block outlived the scope, and the arena could not be reset.",
                (unsigned long long)use->overdue);
        }
    }
    if (advice->stability < 1) {
        say(advice->counter, &advice->n_counter,
            "In %.0f %% of the recording's windows the pool did not save memory.",
            100 * (1 - advice->stability));
    }
    if (advice->pool.block_size > 0) {
        double mean = (double)did->bytes / (double)did->allocations;
        double blocks = mean > 0 ? (double)did->peak_live / mean : 0;
        advice->rounding = blocks * ((double)advice->pool.block_size - mean);
    }
}

/* The trial of this site that saves most memory; NULL if none saves enough. */
static const struct trial *best_of(const struct trials *trials, size_t site, double least)
{
    const struct trial *best = NULL;
    for (size_t i = 0; i < trials->n; i++) {
        const struct trial *trial = &trials->all[i];
        double gain = trials->plain_result.peak.median - trial->result.peak.median;
        if (trial->site == site && gain >= least &&
            (!best || trial->result.peak.median < best->result.peak.median)) {
            best = trial;
        }
    }
    return best;
}

static int by_gain(const void *x, const void *y)
{
    const struct advice_range *a = &((const struct advice *)x)->memory;
    const struct advice_range *b = &((const struct advice *)y)->memory;
    double difference = b->low + b->high - a->low - a->high;
    return difference > 0 ? 1 : difference < 0 ? -1 : 0;
}

/* What a pool must save of peak memory: what was asked for, and more than the replay is off. */
static double least_gain(const struct advice_set *set, const struct trials *trials,
                         const struct advise_options *o)
{
    double peak = trials->plain_result.peak.median, doubt = fabs(set->calibration.error) * peak;
    return fmax(doubt * 1.01, fmax(o->min_bytes, o->min_share * peak));
}

static void choose(struct advice_set *set, const struct trials *trials,
                   const struct advise_options *o)
{
    const struct analysis *a = set->analysis;
    uint64_t operations = replay_tape_operations(trials->plain);
    double least = least_gain(set, trials, o);
    for (size_t site = 0; site < a->n_sites && set->n < ADVICE_MOST; site++) {
        const struct trial *best = best_of(trials, site, least);
        if (!best) {
            continue;
        }
        struct advice *advice = &set->advice[set->n];
        *advice = (struct advice){.site = site, .pool = best->pool};
        set->n++;
        judge_memory(advice, &trials->plain_result, &best->result, operations,
                     set->calibration.error);
        judge_confidence(advice, &a->sites[site],
                         recordings_that_agree(o, &a->sites[site], &best->pool));
        tell(advice, a, &trials->plain_result, &best->result);
    }
    qsort(set->advice, set->n, sizeof *set->advice, by_gain);
    for (size_t i = 0; i < set->n; i++) {
        set->advice[i].pool.id = (uint32_t)i + 1;
    }
}

/* ---- the end: all together, and timed ---- */

static int play_together(struct advice_set *set, struct trace *t, struct trials *trials,
                         const char *own_library, const struct advise_options *o, char *why)
{
    struct replay_tape *tape =
        set->n > 0 ? tape_of(t, set->analysis, set->advice, set->n, why) : NULL;
    if (set->n > 0 && !tape) {
        return PKI_EXIT_OWN;
    }
    struct replay_options options = {
        .rounds = o->rounds, .progress = o->progress, .progress_arg = o->progress_arg};
    struct replay_subject subjects[3] = {{"as recorded", set->library, trials->plain}};
    struct replay_result results[3] = {0};
    size_t n = 1;
    if (own_library) {
        subjects[n++] = (struct replay_subject){"poolkit", own_library, trials->plain};
    }
    if (tape) {
        subjects[n++] = (struct replay_subject){"all advice", set->library, tape};
    }
    int code = replay_measure(subjects, n, &options, results, why);
    set->baseline = results[0];
    set->has_own = own_library != NULL;
    set->own = own_library ? results[1] : (struct replay_result){0};
    set->combined = tape ? results[n - 1] : (struct replay_result){0};
    replay_tape_end(tape);
    return code;
}

/* The time of the combination is divided among its parts by their blocks. */
static void share_time(struct advice_set *set, uint64_t operations)
{
    double all = 0;
    struct advice whole = {0};
    judge_time(&whole, &set->baseline, &set->combined, operations);
    for (size_t i = 0; i < set->n; i++) {
        all += (double)set->analysis->sites[set->advice[i].site].did.allocations;
    }
    for (size_t i = 0; i < set->n; i++) {
        double part = (double)set->analysis->sites[set->advice[i].site].did.allocations / all;
        set->advice[i].time_ns =
            (struct advice_range){whole.time_ns.low * part, whole.time_ns.high * part};
    }
}

static void say_nothing(struct advice_set *set, const struct trials *trials, double least)
{
    char bytes[PKI_TEXT], seconds[PKI_TEXT], wanted[PKI_TEXT];
    double run = (double)trace_duration(set->trace);
    double spent =
        set->baseline.ns_per_event.median * (double)replay_tape_operations(trials->plain);
    set->time_share = run > 0 ? fmin(spent / run, 1) : 0;
    set->most_seconds = spent / 1e9;
    set->most_bytes =
        fmax(set->baseline.peak.median - (double)replay_tape_live_peak(trials->plain), 0);
    pki_text_value(bytes, set->most_bytes, PKI_BYTES);
    pki_text_value(seconds, set->most_seconds, PKI_SECONDS);
    pki_text_value(wanted, least, PKI_BYTES);
    if (!set->calibration.trusted) {
        snprintf(set->nothing, ADVICE_TEXT, "No advice about memory: %.200s",
                 set->calibration.reason);
    } else if (set->n == 0) {
        snprintf(
            set->nothing, ADVICE_TEXT,
            "Do nothing: malloc takes %.1f %% of the run, %s; beyond the live bytes it holds %s. "
            "%zu pools were tried, and none saves %s.",
            100 * set->time_share, seconds, bytes, set->tried, wanted);
    } else {
        snprintf(
            set->nothing, ADVICE_TEXT,
            "To do nothing costs %s at most, and %s (%.1f %% of the run): all that any allocator "
            "could save.",
            bytes, seconds, 100 * set->time_share);
    }
}

int advise_promise(const struct advice_set *set, struct trace *t, struct advice_range *out,
                   char *why)
{
    struct replay_tape *tape = tape_of(t, set->analysis, set->advice, set->n, why);
    struct replay_options options = {.memory_only = true};
    struct replay_subject subject = {"advice", set->library, tape};
    struct replay_result result = {0};
    int code = tape ? replay_measure(&subject, 1, &options, &result, why) : PKI_EXIT_OWN;
    double doubt = fabs(set->calibration.error) * set->baseline.peak.median;
    *out = (struct advice_range){set->baseline.peak.low - result.peak.high - doubt,
                                 set->baseline.peak.high - result.peak.low + doubt};
    replay_result_end(&result);
    replay_tape_end(tape);
    return code;
}

static void end_trials(struct trials *trials)
{
    for (size_t i = 0; i < trials->n; i++) {
        replay_result_end(&trials->all[i].result);
        replay_tape_end(trials->all[i].tape);
    }
    replay_result_end(&trials->plain_result);
    replay_tape_end(trials->plain);
    free(trials->all);
}

/* The allocator that was recorded plays all that is not in a pool. */
static int find_recorded(struct advice_set *set, char *why)
{
    const char *recorded = trace_info(set->trace)->allocator;
    char *reason = NULL;
    if (strncmp(recorded, "glibc", 5) == 0) {
        return 0;
    }
    set->library = pki_find_library(recorded, &reason);
    if (!set->library) {
        snprintf(why, TRACE_WHY, "the recorded allocator is not here: %.200s", reason);
    }
    free(reason);
    return set->library ? 0 : PKI_EXIT_OWN;
}

int advise(struct trace *t, const struct analysis *a, const char *own_library,
           const struct advise_options *o, struct advice_set *out, char *why)
{
    struct trials trials = {0};
    *out = (struct advice_set){.trace = t, .analysis = a};
    snprintf(why, TRACE_WHY, "out of memory");
    trials.all = calloc((size_t)SITES_TRIED * CANDIDATES_MOST, sizeof *trials.all);
    trials.plain = trials.all ? replay_tape_make(t, NULL, REPLAY_MERGED, why) : NULL;
    int code = trials.plain && add_trials(&trials, t, a, why) ? 0 : PKI_EXIT_OWN;
    code = code ? code : find_recorded(out, why);
    code = code ? code : play(&trials, out->library, o, why);
    if (code == 0) {
        out->tried = trials.n;
        replay_calibrate(t, &trials.plain_result, &out->calibration);
        if (out->calibration.trusted) {
            choose(out, &trials, o);
        }
        code = play_together(out, t, &trials, own_library, o, why);
    }
    if (code == 0) {
        share_time(out, replay_tape_operations(trials.plain));
        say_nothing(out, &trials, least_gain(out, &trials, o));
    }
    end_trials(&trials);
    return code;
}

void advice_set_end(struct advice_set *set)
{
    replay_result_end(&set->baseline);
    replay_result_end(&set->combined);
    replay_result_end(&set->own);
    free(set->library);
}
