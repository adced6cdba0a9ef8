/* SPDX-License-Identifier: MIT
 * watch.h: memory checkers that look on. AddressSanitizer knows what malloc's blocks are, but would take
 * a pool's chunk for one block, and Valgrind for nothing at all: they are told here.
 *
 * Whether one looks on is found out at run time: the library need not be compiled for it. Pools then
 * see each call, keep a gap of PKI_WATCH_GAP bytes behind each block, and tell of each block. None
 * of these functions reads or writes the memory. Without a checker they do nothing.
 *
 *   free or never handed out: hidden        ┌───────────┬─────┬───────────┬─────┬──────
 *   in use: shown                           │ block     │ gap │ block     │ gap │ …
 *                                           └───────────┴─────┴───────────┴─────┴────── */
#ifndef PKI_OS_WATCH_H
#define PKI_OS_WATCH_H

#include <stdbool.h>
#include <stddef.h>

enum { PKI_WATCH_GAP = 16 };

/* Does a checker look on? Cheap after the first call. POOLKIT_OPTIONS=checkers=off says no. */
bool pki_watched(void);

/* [p, p + n) may not be touched; may be, with contents defined or not. Beginning and end at multiples
 * of 8 where it is hidden. */
void pki_watch_hide(const void *p, size_t n);
void pki_watch_show(const void *p, size_t n, bool defined);

/* A pool, named by any address of its own, and its blocks: what is in use, and where it was allocated
 * and freed, can then be told by the checker. */
void pki_watch_begin(const void *pool);
void pki_watch_end(const void *pool);
void pki_watch_alloc(const void *pool, const void *p, size_t n, bool defined);
void pki_watch_free(const void *pool, const void *p, size_t n);

#endif /* PKI_OS_WATCH_H */
