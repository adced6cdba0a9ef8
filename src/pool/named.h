/* SPDX-License-Identifier: MIT
 * named.h: the list of the pools that were given a name, for pk_report_all. Heaps and shared pools are
 * not on it: the slab layer's table of spaces knows them. */
#ifndef PKI_POOL_NAMED_H
#define PKI_POOL_NAMED_H

#include <poolkit/stats.h>

/* Part of a pool's record. */
typedef struct pki_named {
    struct pki_named *next;
    struct pki_named *prev;
    const void *pool;   /* NULL: not on the list */
    const void *parent; /* the pool that this one ends with, or NULL */
    const char *kind;
    void (*stats)(const void *pool, pk_stats *out);
} pki_named;

/* Enters the pool that `named`, filled in but for the links, is part of. */
void pki_named_add(pki_named *named);

/* Nothing for one that was not added. */
void pki_named_remove(pki_named *named);

/* Calls fn for each, the list's lock held. */
void pki_named_visit(void (*fn)(const pki_named *named, void *arg), void *arg);

#endif /* PKI_POOL_NAMED_H */
