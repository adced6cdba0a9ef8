/* SPDX-License-Identifier: MIT
 * sample.c: what a recorded process holds in memory, from /proc/PID/status.
 *
 * smaps_rollup is exact but walks all page tables, milliseconds for a large program; status costs
 * some 15 microseconds, and its counters are behind by at most a few hundred KiB.
 */
#include "record/image.h"
#include "record/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value in bytes of a line such as "RssAnon:      1234 kB", 0 if there is none. */
static uint64_t field(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

void image_sample(struct image *image)
{
    char text[4096];
    ssize_t n = image->status < 0 ? -1 : pread(image->status, text, sizeof text - 1, 0);
    image->sampled = ticks_monotonic();
    if (n <= 0) {
        return;
    }
    text[n] = '\0';
    uint64_t now = ticks_since(image->start, ticks_now(&image->session->ticks));
    struct trace_sample sample = {.time = ticks_to_ns(&image->session->ticks, now),
                                  .anonymous = field(text, "\nRssAnon:"),
                                  .file = field(text, "\nRssFile:"),
                                  .shared = field(text, "\nRssShmem:"),
                                  .virtual_size = field(text, "\nVmSize:")};
    struct trace_sample last = image->sample;
    last.time = sample.time;
    /* A process that is ending has no memory any more: its lines are gone. */
    if (!sample.virtual_size || memcmp(&last, &sample, sizeof sample) == 0) {
        return;
    }
    image->sample = sample;
    if (sample.anonymous > image->most_anonymous) {
        image->most_anonymous = sample.anonymous;
    }
    if (image->writer && !trace_put_sample(image->writer, &sample)) {
        image_give_up(image, NULL);
    }
}
