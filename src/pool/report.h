/* SPDX-License-Identifier: MIT
 * report.h: a copy of the figures of every pool of the process, and one renderer for each format over
 * it. The public calls of <poolkit/stats.h> and the option `stats` are these two steps.
 *
 *   report_all.c         the copy, the tree as text and as JSON
 *   report_prometheus.c  sums over pools of one kind and name, as metrics
 *   report_when.c        at exit and on a signal */
#ifndef PKI_POOL_REPORT_H
#define PKI_POOL_REPORT_H

#include <poolkit/stats.h>

#include "slab/settings.h"
#include "slab/space.h"

typedef struct {
    pk_stats stats;
    char name[PKI_NAME_SIZE];
    const char *kind;
    const void *pool;
    const void *parent;
} pki_report_entry;

typedef struct {
    pki_report_entry *entries;
    size_t room;
    size_t n;        /* pools there are, also beyond the room */
    size_t left_out; /* pools that were not asked */
} pki_snapshot;

/* Which pools may be asked: those that are for one thread at a time only while they rest. */
typedef enum { PKI_ALL_POOLS, PKI_POOLS_OF_ALL_THREADS } pki_report_scope;

/* False: no memory for the copy. */
bool pki_snapshot_take(pki_snapshot *s, pki_report_scope scope);
void pki_snapshot_drop(pki_snapshot *s);

/* False: `write` said it. */
bool pki_report_text(const pki_snapshot *s, pk_write_fn *write, void *arg);
bool pki_report_json(const pki_snapshot *s, pk_write_fn *write, void *arg);

/* Adds up the entries: they are of no use for the others afterwards. */
bool pki_report_prometheus(pki_snapshot *s, pk_write_fn *write, void *arg);

bool pki_report_is_arena(const pki_report_entry *e); /* which does not count its blocks */

#endif /* PKI_POOL_REPORT_H */
