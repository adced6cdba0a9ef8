/* SPDX-License-Identifier: MIT
 * advise.h: which pool mends which call site of a recorded program, and how much that saves.
 *
 * Nothing is guessed. What a site did (analysis.h) only says which pools are worth trying; each is
 * then tried: the recording is played with this site's blocks in poolkit's real pool and everything
 * else in the recorded allocator, beside the recording as it was. What saves enough is advised; the
 * combination of all advice is played once more, since savings of two sites do not add up.
 *
 *   gain        of peak memory in bytes, of the whole run in nanoseconds; from low to high, over
 *               repetitions, and memory widened by the replay's distance from the recorded peak
 *   confidence  volume x stability x runs x model, each from 0 to 1:
 *     volume     how many blocks the rule was learned from: 1 from 10,000 on
 *     stability  share of four windows of the recording in which the pool saves as well
 *     runs       how many recordings say so: one is 0.6, two 0.8, three or more 1
 *     model      1 where each block is still freed by itself; 0.6 for an arena, whose blocks must
 *                all be dead when it is reset: only the program's author knows that for certain
 *   level       "high" from 0.7 on, "medium" from 0.35 on; one recording is "medium" at most
 */
#ifndef POOLKIT_ADVISE_ADVISE_H
#define POOLKIT_ADVISE_ADVISE_H

#include "analysis/analysis.h"
#include "replay/replay.h"

enum { ADVICE_MOST = 8, ADVICE_TEXT = 320, ADVICE_SENTENCES = 5 };

struct advice_range {
    double low, high;
};

struct advice {
    size_t site;
    struct replay_pool pool; /* its id is the number of the advice + 1 */
    struct advice_range memory, time_ns;
    double volume, stability, runs, model;
    const char *level;
    char evidence[ADVICE_SENTENCES][ADVICE_TEXT], counter[ADVICE_SENTENCES][ADVICE_TEXT];
    size_t n_evidence, n_counter;
    double rounding; /* bytes that the pool's rounding costs at the site's peak, 0 = none */
};

struct advise_options {
    double min_bytes, min_share; /* smaller gains are not advised: bytes, share of the peak */
    unsigned rounds;             /* timed rounds; 0 = 5 */
    const struct analysis *const *others; /* of other recordings of the same program */
    size_t n_others;
    void (*progress)(void *arg, size_t run, size_t runs, const char *name);
    void *progress_arg;
};

struct advice_set {
    const struct trace *trace;
    const struct analysis *analysis;
    char *library; /* the recorded allocator's, NULL: the system's malloc */
    struct advice advice[ADVICE_MOST];
    size_t n;
    struct replay_calibration calibration;
    struct replay_result baseline; /* on the recorded allocator, timed */
    struct replay_result combined; /* with all advice; only if n > 0 */
    struct replay_result own;      /* everything on libpoolkit-malloc */
    bool has_own;
    double time_share, most_seconds, most_bytes; /* all that any allocator could save */
    char nothing[ADVICE_TEXT];                   /* the null advice, with its reason */
    size_t tried;                                /* candidates that were played */
};

/* 0, or an exit code; then `why` tells, or is empty if that was told. The set refers to the trace
 * and the analysis. */
int advise(struct trace *t, const struct analysis *a, const char *own_library,
           const struct advise_options *options, struct advice_set *out, char *why);
void advice_set_end(struct advice_set *set);

/* What the advice in the set, played together, saves of peak memory. 0 or an exit code. */
int advise_promise(const struct advice_set *set, struct trace *t, struct advice_range *out,
                   char *why);

/* ---- inside the room ---- */

/* Pools worth trying for a site, best guesses first; returns how many. */
enum { CANDIDATES_MOST = 4 };
size_t advise_candidates(const struct analysis *a, size_t site,
                         struct replay_pool out[CANDIDATES_MOST]);
/* Code for the advice in poolkit's interface; allocated. */
char *advise_code(const struct advice_set *set, size_t number);
/* "a block pool of 64 bytes". */
void advise_pool_text(const struct replay_pool *pool, char *text, size_t room);

#endif
