/* SPDX-License-Identifier: MIT
 * measure.c: runs the command on each allocator, round by round, and counts once apart.
 *
 * Every round runs every allocator, and each round starts with another one, so that neither a
 * machine that warms up nor one that is busy for a while favours anybody.
 */
#include "measure.h"

#include "child.h"
#include "tool.h"
#include "text/units.h"

#include "shim/record.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the runs of one row have shown so far. */
typedef struct seen {
    size_t runs;
    pki_digest output;
    bool output_varies;
} seen;

typedef struct session {
    const pki_plan *plan;
    pki_result *result;
    seen *seen;
    int expected; /* the exit code of the first run of all */
    int output;   /* a temporary file */
} session;

static int run_once(session *s, size_t i, const char *counter, const char *extra, pki_sample *out)
{
    const pki_plan *plan = s->plan;
    const char *library = i == 0 ? plan->baseline : s->result->rows[i].library;
    char **environment =
        pki_environment(counter ? counter : library, counter ? library : NULL, extra);
    if (ftruncate(s->output, 0) != 0 || lseek(s->output, 0, SEEK_SET) != 0) {
        free(environment);
        return pki_fail(PKI_EXIT_OWN, "cannot rewind a temporary file");
    }
    pki_input_rewind(&plan->input);
    pki_launch launch = {.path = plan->path,
                         .argv = s->result->command,
                         .environment = environment,
                         .input = plan->input.descriptor,
                         .output = s->output,
                         .load = s->result->load};
    int code = pki_child_run(&launch, out);
    free(environment);
    if (pki_signals_seen()) {
        return 128 + pki_signals_seen();
    }
    if (code == 0 && out->load_code) {
        char end[PKI_TEXT];
        pki_text_end(end, out->load_code);
        code = pki_fail(out->load_code, "%s: the load %s", s->result->rows[i].name, end);
    }
    return code;
}

static void look_at_output(session *s, size_t i)
{
    const pki_plan *plan = s->plan;
    bool first = i == 0 && s->seen[0].runs == 0;
    bool pass = plan->output == PKI_OUTPUT_ALL || (plan->output == PKI_OUTPUT_FIRST && first);
    if (pass) {
        pki_progress_erase();
    }
    pki_digest digest = pki_drain(s->output, pass ? plan->output_to : -1);
    seen *row = &s->seen[i];
    row->output_varies =
        row->output_varies ||
        (row->runs > 0 && (digest.bytes != row->output.bytes || digest.hash != row->output.hash));
    row->output = digest;
    row->runs++;
}

static void look_at_code(session *s, size_t i, const pki_sample *sample)
{
    pki_row *row = &s->result->rows[i];
    char end[PKI_TEXT], expected[PKI_TEXT];
    if (i == 0 && s->seen[0].runs == 1) {
        s->expected = sample->code;
    }
    row->code = row->code ? row->code : sample->code;
    if (sample->code == s->expected || row->failed) {
        return;
    }
    pki_text_end(end, sample->code);
    pki_text_end(expected, s->expected);
    pki_progress_erase();
    pki_note("%s: the command %s, but on %s it %s%s", row->name, end, s->result->rows[0].name,
             expected, i == 0 ? " before" : "");
    row->failed = true;
}

static void keep(pki_row *row, const pki_sample *sample)
{
    pki_figure_add(&row->figures[PKI_WALL], sample->wall);
    pki_figure_add(&row->figures[PKI_CPU], sample->user + sample->system);
    pki_figure_add(&row->figures[PKI_PEAK], sample->peak_bytes);
    pki_figure_add(&row->figures[PKI_FAULTS], sample->minor_faults + sample->major_faults);
    pki_figure_add(&row->figures[PKI_USER], sample->user);
    pki_figure_add(&row->figures[PKI_SYSTEM], sample->system);
    pki_figure_add(&row->figures[PKI_MINOR], sample->minor_faults);
    pki_figure_add(&row->figures[PKI_MAJOR], sample->major_faults);
}

static int run_round(session *s, size_t round, size_t shift, const char *stage)
{
    pki_result *result = s->result;
    for (size_t k = 0; k < result->n_rows; k++) {
        size_t i = (k + shift) % result->n_rows;
        pki_row *row = &result->rows[i];
        pki_sample sample;
        pki_progress_step(stage, row->name);
        if (row->failed) {
            continue;
        }
        int code = run_once(s, i, NULL, NULL, &sample);
        if (code) {
            return code;
        }
        look_at_output(s, i);
        look_at_code(s, i, &sample);
        if (result->load && result->rows[0].code) {
            return result->rows[0].code;
        }
        if (round > 0) {
            keep(row, &sample);
        }
    }
    return 0;
}

static int count_row(session *s, size_t i)
{
    pki_sample sample;
    char *folder = pki_temporary_folder();
    if (!folder) {
        return PKI_EXIT_OWN;
    }
    char *extra = pki_format("%s=%s", PKI_COUNT_DIR, folder);
    pki_progress_step("counting", s->result->rows[i].name);
    int code = run_once(s, i, s->plan->counter, extra, &sample);
    pki_row *row = &s->result->rows[i];
    if (code == 0 && (sample.code != s->expected || !pki_counts_read(folder, row))) {
        pki_result_note(s->result, pki_format("%s: could not be counted", row->name));
    }
    free(extra);
    pki_remove_folder(folder);
    free(folder);
    return code;
}

static void compare_outputs(session *s)
{
    const seen *first = &s->seen[0];
    for (size_t i = 1; i < s->result->n_rows && !first->output_varies; i++) {
        const seen *row = &s->seen[i];
        const pki_row *r = &s->result->rows[i];
        if (r->failed || row->output_varies ||
            (row->output.bytes == first->output.bytes && row->output.hash == first->output.hash)) {
            continue;
        }
        pki_result_note(s->result, pki_format("the output on %s differs from that on %s", r->name,
                                              s->result->rows[0].name));
    }
}

static int run_all(session *s)
{
    pki_result *result = s->result;
    size_t passes = result->warmup + result->rounds;
    pki_progress_start((passes + (s->plan->counter ? 1 : 0)) * result->n_rows);
    for (size_t pass = 0; pass < passes; pass++) {
        bool warm = pass < result->warmup;
        size_t round = warm ? 0 : pass - result->warmup + 1;
        char *stage =
            warm ? pki_copy("warm-up") : pki_format("round %zu/%zu", round, result->rounds);
        int code = run_round(s, round, warm ? 0 : round - 1, stage);
        free(stage);
        if (code) {
            return code;
        }
    }
    for (size_t i = 0; s->plan->counter && i < result->n_rows; i++) {
        int code = result->rows[i].failed ? 0 : count_row(s, i);
        if (code) {
            return code;
        }
    }
    return 0;
}

int pki_measure(const pki_plan *plan, pki_result *result)
{
    session s = {.plan = plan, .result = result, .output = pki_temporary()};
    if (s.output < 0) {
        return PKI_EXIT_OWN;
    }
    s.seen = pki_grow(NULL, result->n_rows, sizeof *s.seen);
    memset(s.seen, 0, result->n_rows * sizeof *s.seen);
    int code = run_all(&s);
    pki_progress_erase();
    close(s.output);
    if (code == 0) {
        compare_outputs(&s);
    }
    for (size_t i = 0; i < result->n_rows; i++) {
        for (pki_metric m = 0; m < PKI_METRICS; m++) {
            pki_figure_settle(&result->rows[i].figures[m]);
        }
    }
    free(s.seen);
    return code;
}
