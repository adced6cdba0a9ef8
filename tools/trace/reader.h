/* SPDX-License-Identifier: MIT
 * reader.h: what the files that read share.
 */
#ifndef POOLKIT_TRACE_READER_H
#define POOLKIT_TRACE_READER_H

#include "chunks.h"
#include "columns.h"
#include "trace.h"

struct pki_stack {
    uint32_t number, n;
    size_t first; /* in frames */
};

struct pki_symbol {
    uint64_t address;
    uint32_t n;
    size_t first; /* in symbol_frames */
};

/* An array that grows: `at` is of the type that its user says. */
struct pki_list {
    void *at;
    size_t n, room;
};

/* Everything but the events. Texts point into `texts`. */
struct pki_tables {
    struct trace_info info;
    struct pki_list stacks;        /* struct pki_stack, by number */
    struct pki_list frames;        /* uint64_t */
    struct pki_list modules;       /* struct trace_module */
    struct pki_list threads;       /* struct trace_thread */
    struct pki_list samples;       /* struct trace_sample */
    struct pki_list symbols;       /* struct pki_symbol, by address */
    struct pki_list symbol_frames; /* struct trace_frame */
    struct pki_list texts;         /* struct pki_bytes */
    uint32_t frames_before;        /* of the stack before, in the chunk being read */
    uint64_t dropped;
    uint64_t events, tick; /* the last chunk's figures; of a file cut short, counted */
    uint32_t top_stack, top_thread;
};

struct trace {
    char *path;
    struct pki_source source;
    struct pki_tables tables;
    struct pki_list chunks;   /* struct pki_chunk, those of events */
    struct pki_bytes content; /* of the chunk that was read last */
    struct pki_guess *guess;
    bool whole;
    uint64_t kept;   /* bytes of definitions, before compression */
    uint64_t end;    /* byte behind the last chunk but TRACE_LAST */
    uint32_t number; /* of chunks before it */
    size_t next;     /* chunk of events to be read */
    uint64_t given;  /* events since the start */
};

/* A place for one more of `each` bytes, or NULL. */
void *pki_list_add(struct pki_list *l, size_t each);

/* The one reason that is not the file's fault. */
extern const char pki_no_memory[];

/* What the chunk's content adds to the tables; NULL, or what is wrong with it. Contents with texts
 * are taken over: *content is empty afterwards. */
const char *pki_tables_add(struct pki_tables *t, enum trace_kind kind, struct pki_bytes *content);
/* Puts in order what is searched. */
void pki_tables_done(struct pki_tables *t);
void pki_tables_drop(struct pki_tables *t);

#endif
