/* SPDX-License-Identifier: MIT
 * calibrate.c: how well a replay meets what was recorded.
 */
#include "replay/replay.h"

#include <math.h>
#include <stdio.h>

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

static bool judge(const struct trace *t, const struct replay_result *replayed,
                  struct replay_calibration *out)
{
    if (out->recorded_peak <= 0) {
        return distrust(out, "the recording does not tell how much memory the process held");
    }
    if (trace_dropped(t) > 0) return distrust(out, "events were dropped while recording");
    if (replayed->failed > 0) return distrust(out, "the replay ran out of memory");
    if (out->error < -REPLAY_TRUSTED_ERROR) {
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
