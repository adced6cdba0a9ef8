/* SPDX-License-Identifier: MIT
 * writer.h: what the files that write share.
 */
#ifndef POOLKIT_TRACE_WRITER_H
#define POOLKIT_TRACE_WRITER_H

#include "chunks.h"
#include "columns.h"
#include "trace.h"

struct trace_writer {
    struct pki_sink sink;
    struct pki_packer *packer;
    struct pki_bytes kept[TRACE_KIND_END]; /* definitions that are not yet written, by kind */
    struct pki_bytes events;
    bool cut;        /* appends to a file that is cut short: it stays that */
    uint64_t n_kept; /* bytes of definitions written */
    uint64_t n_frames_kept;
    uint64_t n_events;                  /* put so far */
    uint64_t tick;                      /* of the last event */
    uint64_t n_stacks;                  /* defined so far */
    uint32_t top_stack;                 /* the highest number defined or used */
    uint32_t top_thread;                /* one more than the highest index used */
    uint32_t n_threads;                 /* put so far */
    uint64_t frames[TRACE_FRAMES_MOST]; /* of the last stack in the chunk being gathered */
    size_t n_frames;
    char why[TRACE_WHY]; /* of the first failure */
};

/* A writer on an open file, of which sink.at bytes are written already. */
struct trace_writer *pki_writer_create(int fd, char *why);
void pki_writer_destroy(struct trace_writer *w);
bool pki_writer_fail(struct trace_writer *w, const char *what);

#endif
