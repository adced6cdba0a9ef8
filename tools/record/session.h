/* SPDX-License-Identifier: MIT
 * session.h: one run of `poolkit record`: a command, its spool folder, the images found in it.
 */
#ifndef POOLKIT_RECORD_SESSION_H
#define POOLKIT_RECORD_SESSION_H

#include "poolkit/child.h"
#include "record/ticks.h"
#include "recorder/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct image;

struct record_options {
    const char
        *output; /* the largest image's file in the end, NULL: poolkit-NAME-PID.pkt for each */
    enum pki_wire_stacks stacks;
    uint32_t depth;
    bool free_stacks, paused, drop, first_only, quiet;
    double delay, duration;   /* seconds, 0: none */
    const char *libraries[2]; /* to preload: the recorder's, and one behind it or NULL */
    const char *allocator;    /* whose malloc is behind the recorder, for the trace's info */
};

/* spool.c: the folder in memory that the recorded processes write into, and its control page. */
struct spool {
    char *path;
    int folder;
    int watch; /* inotify: becomes readable when a file has come */
    struct pki_wire_control *control;
};

bool spool_make(struct spool *s, const struct record_options *o, enum pki_wire_clock clock);
/* True if files may have come since the last call. */
bool spool_changed(struct spool *s);
/* Tells the recorded processes that nobody reads any more, and removes everything. */
void spool_end(struct spool *s);

struct session {
    const struct record_options *options;
    struct ticks ticks;
    struct spool spool;
    struct image **images; /* in the order in which they were found */
    size_t n_images;
    pid_t command;   /* process id, 0 when it has ended */
    pid_t first;     /* process id of the command, also afterwards */
    int code;        /* the command's exit code, 128 + signal */
    bool look_again; /* a file was found too early: look once more */
    bool to_begin;   /* --delay is not over yet */
    bool told_of_daemons;
    bool childless;        /* no descendant of ours is left */
    bool failed;           /* a trace could not be written */
    bool asked_to_end;     /* a signal has come after the command's end */
    bool stop;             /* recording is over for good, though processes may live */
    uint64_t begun, ended; /* CLOCK_MONOTONIC: the command's start; its end, 0: not yet */
    uint64_t active;       /* when the last event was seen */
};

/* Starts the command and records it and its descendants, until they have ended or --duration is
 * over. Returns 0 or an exit code of ours, with the message written. */
int session_run(struct session *s, const struct record_options *o, pki_launch *l);
/* Waits for the command if it still runs; its exit code is then in s->code. */
void session_wait(struct session *s);
void session_free(struct session *s);

/* signals.c: SIGINT, SIGTERM, SIGHUP and SIGQUIT are handed on, SIGUSR1 is a toggle, SIGCHLD and
 * all of them end the wait of the session's loop, which is a futex on `wake`. */
void record_signals_catch(_Atomic uint32_t *wake);
void record_signals_release(void);
/* The next signal to hand on, or 0; each is given once. `terminal`: the command has it already. */
int record_signals_next(bool *terminal);
bool record_signals_toggled(void);

/* output.c */
/* The path of a new trace, which no other image of this run has. */
char *output_path(const struct session *s, const struct image *image);
/* After recording: FILE is what people will ask about. If another image has more events than the first, the
 * two files change names. */
void output_name_largest(struct session *s);
/* Tells what was written, in a few lines on standard error. */
void output_summary(const struct session *s);
/* False with a message if a trace could not be made where the first one would be. */
bool output_possible(const struct record_options *o);
/* The system that records, one line. */
char *output_host(void);

#endif
