/* SPDX-License-Identifier: MIT
 * verify.c: `poolkit verify`: what the advice for one recording promised against what a recording
 * of the changed program shows.
 *
 * An advice was followed if the program no longer asks malloc for the blocks of its site. What was
 * promised is measured once more for just the advice that was followed.
 */
#include "advise/advise.h"
#include "poolkit/child.h"
#include "poolkit/measure.h"
#include "poolkit/tool.h"
#include "text/units.h"

#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GONE 0.1 /* of the site's blocks may be left */

struct recording {
    struct trace *trace;
    struct analysis *analysis;
};

static int open_recording(struct recording *r, const char *file)
{
    char why[TRACE_WHY];
    r->trace = trace_open(file, why);
    r->analysis = r->trace ? analysis_make(r->trace, why) : NULL;
    return r->analysis ? 0 : pki_fail(PKI_EXIT_OWN, "%s", why);
}

static void close_recording(struct recording *r)
{
    analysis_end(r->analysis);
    trace_end(r->trace);
}

static double blocks_at(const struct analysis *a, const char *name)
{
    double blocks = 0;
    for (size_t i = 0; i < a->n_sites; i++) {
        if (strcmp(a->sites[i].name, name) == 0) {
            blocks += (double)a->sites[i].did.allocations;
        }
    }
    return blocks;
}

/* Keeps the advice that the new program follows; returns how many. */
static size_t keep_followed(struct advice_set *set, const struct analysis *after)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const struct site *site = &set->analysis->sites[set->advice[i].site];
        bool gone = blocks_at(after, site->name) <= GONE * (double)site->did.allocations;
        printf("%s  %s\n", gone ? "followed    " : "not followed", site->name);
        if (gone) {
            set->advice[n++] = set->advice[i];
        }
    }
    return n;
}

static double peak_of(const struct recording *r) { return (double)r->analysis->peak_resident; }

static int tell(const struct recording *before, const struct recording *after,
                const struct advice_range *promised)
{
    char was[PKI_TEXT], is[PKI_TEXT], low[PKI_TEXT], high[PKI_TEXT], saved[PKI_TEXT];
    double gain = peak_of(before) - peak_of(after);
    pki_text_value(was, peak_of(before), PKI_BYTES);
    pki_text_value(is, peak_of(after), PKI_BYTES);
    pki_text_value(low, promised->low, PKI_BYTES);
    pki_text_value(high, promised->high, PKI_BYTES);
    pki_text_value(saved, gain, PKI_BYTES);
    printf("\nPeak resident memory %s, now %s: saved %s\nPromised             %s to %s\n", was, is,
           saved, low, high);
    puts(gain < promised->low    ? "Not kept: less was saved than promised."
         : gain > promised->high ? "Kept, and more: the promise was too careful."
                                 : "Kept: within the range.");
    return gain < promised->low ? 1 : 0;
}

static int verify(const struct recording *before, const struct recording *after, unsigned rounds)
{
    struct advise_options options = {.min_share = 0.01, .min_bytes = 256 * 1024, .rounds = rounds};
    struct advice_set set;
    struct advice_range promised;
    char why[TRACE_WHY];
    int code = advise(before->trace, before->analysis, NULL, &options, &set, why);
    if (pki_signals_seen()) {
        signal(pki_signals_seen(), SIG_DFL);
        raise(pki_signals_seen());
    }
    if (code) {
        code = *why ? pki_fail(code, "%s", why) : code;
    } else if (set.n == 0) {
        printf("%s\n", set.nothing);
    } else if ((set.n = keep_followed(&set, after->analysis)) == 0) {
        code = pki_fail(1, "none of the advice was followed");
    } else {
        code = advise_promise(&set, before->trace, &promised, why);
        code = code ? pki_fail(code, "%s", why) : tell(before, after, &promised);
    }
    advice_set_end(&set);
    return code;
}

int pki_verify_main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    struct recording before = {0}, after = {0};
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h') {
            pki_help_on("verify");
            return 0;
        }
        return pki_usage("verify: unknown option %s", argv[optind - 1]);
    }
    if (optind != argc - 2) {
        return pki_usage("verify: which two recordings, the old and the new?");
    }
    pki_signals_catch();
    int code = open_recording(&before, argv[optind]);
    code = code ? code : open_recording(&after, argv[optind + 1]);
    code = code ? code : verify(&before, &after, 1);
    close_recording(&before);
    close_recording(&after);
    return code;
}
