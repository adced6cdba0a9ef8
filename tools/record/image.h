/* SPDX-License-Identifier: MIT
 * image.h: one recorded program image: its rings, the trace it becomes, and what is known of it.
 *
 *   session.c   finds images, asks each in turn to drain, ends those that are gone
 *   merge.c     takes records out of an image's rings in the order of their ticks
 *   records.c   turns one record into what the trace holds
 *   image.c     maps an image's files; opens its trace at the first event
 *   sample.c    the memory of its process, from /proc
 */
#ifndef POOLKIT_RECORD_IMAGE_H
#define POOLKIT_RECORD_IMAGE_H

#include "record/ticks.h"
#include "recorder/wire.h"
#include "trace/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct session;

struct ring {
    struct pki_wire_ring *shared;
    const uint64_t *data;
    uint64_t words;
    uint64_t read;   /* up to here we have taken */
    uint64_t told;   /* up to here the producer knows that we have: shared->read */
    uint64_t head;   /* up to here there was something when this round began */
    uint64_t tick;   /* of the record at `read`, since the image began */
    unsigned number; /* N of IMAGE.ring.N */
    struct trace_thread owner;
    int thread; /* the owner's index in the trace, -1: not yet told */
};

struct image {
    struct session *session;
    struct pki_wire_image *shared;
    char id[40]; /* "PID-START" */
    pid_t pid;
    uint64_t start; /* tick of the trace's time 0 */
    struct ring **rings;
    struct ring **heap; /* merge.c: as much room as `rings` */
    size_t n_rings;

    struct trace_writer *writer;  /* NULL until the first event, and after a failure */
    char *file;                   /* the trace's, NULL until the first event */
    struct trace_module *modules; /* those announced before the first event */
    size_t n_modules;
    uint32_t *stacks; /* one bit for each number that is defined */
    size_t stack_words;
    uint64_t time;    /* of the last event, nanoseconds */
    uint64_t flushed; /* when the trace was last brought to the disk, CLOCK_MONOTONIC */

    uint64_t events, dropped;
    uint64_t drained; /* records taken in the last round */

    int process;      /* a pidfd; -1: it had ended already, or the kernel has none */
    int status;       /* /proc/PID/status, or -1 */
    uint64_t sampled; /* when last, CLOCK_MONOTONIC */
    uint64_t pause;   /* until the next time, nanoseconds; longer while nothing changes */
    struct trace_sample sample;
    uint64_t most_anonymous; /* bytes of memory in the samples */
    bool discarded; /* --no-follow, or the trace could not be written: rings are only emptied */
    bool gone;      /* the process has ended or has become another program: drain and finish */
    bool killed;    /* it did not end by exit */
    bool damaged;   /* a ring held what no recorder writes */
};

/* image.c. `name` is a file's in the spool folder. NULL if it cannot be used; a message says why. */
struct image *image_attach(struct session *s, int folder, const char *name);
void image_attach_ring(struct image *image, int folder, const char *name, unsigned number);
/* Opens the trace if that has not been done; false if there is none to write to. */
bool image_open_trace(struct image *image);
/* Keeps or writes a module; takes over its two texts. */
void image_put_module(struct image *image, const struct trace_module *module);
/* A write has failed: says so once and goes on without. */
void image_give_up(struct image *image, const char *why);
/* Closes the trace and forgets the rings; what the summary needs stays. */
void image_finish(struct image *image);
void image_free(struct image *image);

/* merge.c: takes what is there now. `all`: also what is younger than the moment of the call, for
 * when no producer is left. */
void image_drain(struct image *image, bool all);

/* records.c: the record at ring->read; moves `read` behind it. False: it is no record. */
bool record_take(struct image *image, struct ring *ring);

/* sample.c: reads the process's memory and puts it into the trace if it has changed. */
void image_sample(struct image *image);

#endif
