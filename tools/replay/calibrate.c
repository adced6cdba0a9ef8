/* SPDX-License-Identifier: MIT
 * calibrate.c: how well a replay meets what was recorded.
 *
 * The base of a recording is what the process held before its first event. What comes later past
 * malloc (stacks, data written for the first time, mappings of its own) is in the recorded peak and
 * not in the replay: it makes the replay look too small. Of most programs that is little. One that
 * manages much memory by itself, as a compiler's garbage collector does, would never be trusted,
 * though its blocks are played well; where glibc was recorded, the pages under the blocks decide then.
 */
#include "replay/replay.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool distrust(struct replay_calibration *out, const char *reason)
{
    out->trusted = false;
    snprintf(out->reason, sizeof out->reason, "%s", reason);
    return false;
}

static double recorded_peak(const struct trace *t)
{
    uint64_t peak = 0, base = trace_info(t)->base_anonymous;
    for (size_t i = 0; i < trace_samples(t); i++) {
        uint64_t now = trace_sample(t, i)->anonymous;
        if (now > peak) peak = now;
    }
    return peak > base ? (double)(peak - base) : 0;
}

/* True if the pages under the recorded blocks explain the replay; then they are the measure. */
static bool held_by_blocks(const struct trace *t, const struct replay_result *replayed,
                           struct replay_calibration *out)
{
    double held = replayed->held_peak, more = out->recorded_peak - replayed->peak.median;
    if (strncmp(trace_info(t)->allocator, "glibc", 5) != 0 || held <= 0) return false;
    double error = replayed->peak.median / held - 1;
    if (fabs(error) > REPLAY_TRUSTED_ERROR || held > out->recorded_peak) return false;
    out->recorded_peak = held;
    out->error = error;
    snprintf(out->reason, sizeof out->reason,
             "judged by the pages under the recorded blocks: the process held %.0f MiB beside them",
             more / 1048576);
    return true;
}

static bool judge(const struct trace *t, const struct replay_result *replayed,
                  struct replay_calibration *out)
{
    if (out->recorded_peak <= 0) {
        return distrust(out, "the recording does not tell how much memory the process held");
    }
    if (trace_dropped(t) > 0) return distrust(out, "events were dropped while recording");
    if (replayed->failed > 0) return distrust(out, "the replay ran out of memory");
    if (out->error < -REPLAY_TRUSTED_ERROR) {
        if (held_by_blocks(t, replayed, out)) return true;
        return distrust(out, "the process held more than its blocks explain: it maps memory by "
                             "itself, or the recording missed blocks");
    }
    if (out->error > REPLAY_TRUSTED_ERROR) {
        return distrust(out, "the process held less than the replay: it never wrote to part of "
                             "its blocks");
    }
    return true;
}

void replay_calibrate(const struct trace *t, const struct replay_result *replayed,
                      struct replay_calibration *out)
{
    *out = (struct replay_calibration){.recorded_peak = recorded_peak(t),
                                       .replayed_peak = replayed->peak.median};
    if (out->recorded_peak > 0) out->error = out->replayed_peak / out->recorded_peak - 1;
    out->trusted = judge(t, replayed, out);
}
