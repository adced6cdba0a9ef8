/* SPDX-License-Identifier: MIT
 * run.c: starts players and collects what they tell: memory first, then timed rounds in which every
 * subject has its turn and each round begins with another one, then system calls.
 *
 * Memory is measured twice. Merged runs of an allocator that does not look at the clock agree to the
 * byte; one that gives memory back after a while does not, and the range shows it.
 */
#include "poolkit/child.h"
#include "poolkit/result.h"
#include "poolkit/tool.h"
#include "text/units.h"
#include "replay/tape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUNDS 5
#define MEMORY_RUNS 2

enum stage { MEMORY, TIME, CALLS };

struct figures {
    pki_figure peak, mean, footprint, ns, faults, cpu, wall;
};

struct session {
    const struct replay_subject *subjects;
    size_t n;
    const struct replay_options *options;
    struct replay_result *results;
    struct figures *figures;
    char *player, *why;
    size_t run, runs;
};

/* ---- one run ---- */

static struct tape_control *open_control(const struct tape_head *tape, int *file)
{
    struct tape_control layout = {.magic = TAPE_MAGIC};
    uint64_t uses = (uint64_t)tape->threads * tape->pools * sizeof(struct replay_pool_use);
    layout.points_at = tape_pages(sizeof layout);
    layout.uses_at = layout.points_at + tape_pages(TAPE_POINTS * sizeof(struct tape_point));
    layout.slots_at = layout.uses_at + tape_pages(uses);
    layout.turns_at = layout.slots_at + tape_pages(tape->slots * sizeof(struct tape_slot));
    layout.bytes = layout.turns_at + TAPE_PAGE;
    if (tape->mode == REPLAY_PARALLEL) layout.bytes += tape_pages(tape->slots * sizeof(uint32_t));
    *file = memfd_create("poolkit-replay", MFD_CLOEXEC);
    if (*file < 0 || ftruncate(*file, (off_t)layout.bytes) != 0) return NULL;
    struct tape_control *control =
        mmap(NULL, layout.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
    if (control == MAP_FAILED) return NULL;
    *control = layout;
    return control;
}

static void ask(const struct session *s, enum stage stage, struct tape_control *control)
{
    const struct replay_options *o = s->options;
    control->touch = stage == TIME ? REPLAY_TOUCH_FIRST : o->touch;
    control->sample = stage == MEMORY;
    control->count_calls = stage == CALLS;
    control->check = o->check && stage == MEMORY;
    control->pace = o->pace;
}

static int judge(struct session *s, size_t i, const struct tape_control *control, int code)
{
    char end[PKI_TEXT];
    const char *name = s->subjects[i].name;
    if (pki_signals_seen()) return 128 + pki_signals_seen();
    if (code || !control->done) {
        pki_text_end(end, code);
        snprintf(s->why, TRACE_WHY, "%.60s: %s%.160s", name, control->why[0] ? "" : "the player ",
                 control->why[0] ? control->why : end);
        return PKI_EXIT_OWN;
    }
    if (control->broken) {
        snprintf(s->why, TRACE_WHY, "%s: %llu blocks were not as they had been written", name,
                 (unsigned long long)control->broken);
        return PKI_EXIT_OWN;
    }
    return 0;
}

static int launch(struct session *s, size_t i, int control)
{
    static char name[] = "poolkit-replay-player";
    char *argv[] = {name, NULL};
    pki_sample sample = {0};
    char **environment = pki_environment(s->subjects[i].library, NULL, NULL);
    pki_launch l = {.path = s->player,
                    .argv = argv,
                    .environment = environment,
                    .input = s->subjects[i].tape->file,
                    .output = control};
    int code = pki_child_run(&l, &sample);
    free(environment);
    return code ? code : sample.code;
}

/* ---- what a run tells ---- */

/* The time of the recording after so many operations. */
static uint64_t time_at(const struct replay_tape *tape, uint64_t operation)
{
    size_t at = (size_t)(operation / TAPE_CLOCK);
    if (tape->clocks == 0) return 0;
    return tape->clock[at < tape->clocks ? at : tape->clocks - 1];
}

static void keep_curve(const struct replay_tape *tape, const struct tape_control *control,
                       struct replay_result *result)
{
    const struct tape_point *in =
        (const struct tape_point *)((uintptr_t)control + control->points_at);
    result->points = control->points;
    result->curve = pki_grow(NULL, result->points + 1, sizeof *result->curve);
    for (size_t i = 0; i < result->points; i++) {
        result->curve[i] = (struct replay_point){.operation = in[i].operation,
                                                 .time_ns = time_at(tape, in[i].operation),
                                                 .live = in[i].live,
                                                 .resident = in[i].resident,
                                                 .footprint = in[i].footprint};
    }
}

/* The player has a pool for each thread where the plan has one. */
static void keep_pools(const struct replay_tape *tape, const struct tape_control *control,
                       struct replay_result *result)
{
    const struct replay_pool_use *in =
        (const struct replay_pool_use *)((uintptr_t)control + control->uses_at);
    result->n_pools = tape->n_plan_ids;
    result->pools = pki_grow(NULL, result->n_pools + 1, sizeof *result->pools);
    for (size_t k = 0; k < result->n_pools; k++) {
        struct replay_pool_use *out = &result->pools[k];
        *out = (struct replay_pool_use){.id = tape->plan_ids[k]};
        for (uint32_t i = 0; i < tape->head->pools; i++) {
            if (in[i].id != out->id) continue;
            out->blocks += in[i].blocks;
            out->refused += in[i].refused;
            out->moved += in[i].moved;
            out->overdue += in[i].overdue;
        }
    }
}

static void keep(struct session *s, size_t i, enum stage stage, const struct tape_control *control)
{
    struct replay_result *result = &s->results[i];
    struct figures *f = &s->figures[i];
    const struct replay_tape *tape = s->subjects[i].tape;
    double operations = tape->head->operations ? (double)tape->head->operations : 1;
    if (stage == MEMORY) {
        pki_figure_add(&f->peak, (double)control->peak_resident);
        pki_figure_add(&f->mean, control->mean_resident);
        pki_figure_add(&f->footprint, (double)control->peak_footprint);
        pki_figure_add(&f->faults, (double)control->faults);
        result->failed = control->failed;
        if ((double)control->high_water > result->high_water) {
            result->high_water = (double)control->high_water;
        }
        if (result->curve) return;
        keep_curve(tape, control, result);
        keep_pools(tape, control, result);
    } else if (stage == TIME) {
        uint64_t ns = tape->head->mode == REPLAY_MERGED ? control->cpu_ns : control->wall_ns;
        pki_figure_add(&f->ns, (double)ns / operations);
        pki_figure_add(&f->cpu, (double)control->cpu_ns);
        pki_figure_add(&f->wall, (double)control->wall_ns);
    } else if (control->counted) {
        result->system_calls = 0;
        for (int k = 0; k < TAPE_CALLS; k++) result->system_calls += (int64_t)control->calls[k];
    }
}

static int run_once(struct session *s, size_t i, enum stage stage)
{
    int file = -1;
    if (s->options->progress) {
        s->options->progress(s->options->progress_arg, s->run, s->runs, s->subjects[i].name);
    }
    s->run++;
    struct tape_control *control = open_control(s->subjects[i].tape->head, &file);
    int code = PKI_EXIT_OWN;
    if (control) {
        ask(s, stage, control);
        code = judge(s, i, control, launch(s, i, file));
        if (code == 0) keep(s, i, stage, control);
        munmap(control, control->bytes);
    } else {
        snprintf(s->why, TRACE_WHY, "no memory for a replay: %s", strerror(errno));
    }
    if (file >= 0) close(file);
    return code;
}

static int run_round(struct session *s, enum stage stage, size_t first)
{
    int code = 0;
    for (size_t k = 0; code == 0 && k < s->n; k++) code = run_once(s, (k + first) % s->n, stage);
    return code;
}

static int run_all(struct session *s)
{
    const struct replay_options *o = s->options;
    size_t rounds = o->memory_only ? 0 : o->rounds ? o->rounds : ROUNDS;
    int code = 0;
    s->runs = s->n * (MEMORY_RUNS + rounds + (o->system_calls ? 1 : 0));
    for (size_t k = 0; code == 0 && k < MEMORY_RUNS; k++) code = run_round(s, MEMORY, k);
    for (size_t k = 0; code == 0 && k < rounds; k++) code = run_round(s, TIME, k);
    if (code == 0 && o->system_calls) code = run_round(s, CALLS, 0);
    for (size_t i = 0; i < s->n; i++) s->results[i].rounds = (unsigned)rounds;
    return code;
}

/* ---- all of it ---- */

static struct replay_range range_of(pki_figure *figure)
{
    pki_figure_settle(figure);
    struct replay_range range = {figure->median, figure->low, figure->high};
    free(figure->samples);
    return range;
}

static void settle(struct session *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct replay_result *r = &s->results[i];
        struct figures *f = &s->figures[i];
        r->peak = range_of(&f->peak);
        r->mean = range_of(&f->mean);
        r->footprint = range_of(&f->footprint);
        r->ns_per_event = range_of(&f->ns);
        r->faults = range_of(&f->faults);
        r->cpu_ns = range_of(&f->cpu).median;
        r->wall_ns = range_of(&f->wall).median;
        r->live_peak = (double)s->subjects[i].tape->head->live_peak;
        r->held_peak = (double)s->subjects[i].tape->held_peak;
        r->threads = s->subjects[i].tape->head->threads;
    }
}

int replay_measure(const struct replay_subject *subjects, size_t n,
                   const struct replay_options *options, struct replay_result *results, char *why)
{
    struct session s = {
        .subjects = subjects, .n = n, .options = options, .results = results, .why = why};
    char *reason = NULL;
    *why = '\0';
    for (size_t i = 0; i < n; i++) results[i] = (struct replay_result){.system_calls = -1};
    s.player = pki_find_own("poolkit-replay-player", &reason);
    if (!s.player) {
        snprintf(why, TRACE_WHY, "%s", reason);
        free(reason);
        return PKI_EXIT_OWN;
    }
    s.figures = pki_grow(NULL, n + 1, sizeof *s.figures);
    memset(s.figures, 0, (n + 1) * sizeof *s.figures);
    int code = run_all(&s);
    settle(&s);
    free(s.figures);
    free(s.player);
    return code;
}

void replay_result_end(struct replay_result *result)
{
    free(result->curve);
    free(result->pools);
    *result = (struct replay_result){0};
}
