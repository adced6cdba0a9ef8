/* SPDX-License-Identifier: MIT
 * checked.h: a heap in hardened or debug mode. It is the plain heap with three things more: a record and a
 * canary behind each block (checked_block.h), a quarantine that freed blocks pass (quarantine.h), and
 * guard pages behind and in what is larger than 32 KiB.
 *
 * The plain heap's hot paths do not know of it: in a checked heap no thread has an owner, so that each
 * call takes the slow path by itself, as in one that a memory checker watches. There it comes here.
 *
 *   thread ──► one of 8 lanes { owner, quarantine }, by a hash of the thread; under the owner's lock
 *
 *   alloc  a random free block of a slab of the lane's owner
 *   free   state, size and canary are looked at; poison; into the lane's quarantine; the one that
 *          leaves it is looked at again, and goes home to the slab of whichever owner
 *
 *   run, large    │ n bytes │ canary, record │ guard page │      in quarantine │ shut … │ record │ guard │
 *
 * A block that is found damaged is reported and never used again. Nothing is reported under a lock.
 *
 * Invariants (checked in checked_report.c):
 *   K1  each block in use has a record that says so and a whole canary
 *   K2  each block in quarantine has a record that says that it is free
 *   K3  a quarantine's weight is the sum of its blocks' */
#ifndef PKI_HEAP_CHECKED_H
#define PKI_HEAP_CHECKED_H

#include <poolkit/heap.h>

#include "heap/checked_block.h"
#include "heap/quarantine.h"
#include "slab/place.h"
#include "slab/settings.h"

enum { PKI_LANES = 8 };

/* What several threads share; under the owner's lock, but for the owner itself. */
typedef struct {
    pki_owner *owner;
    uint64_t random;
    uint32_t calls; /* the clock is read every few */
    pki_quarantine quarantine;
} pki_lane;

typedef struct {
    pki_mode mode;
    _Atomic(pki_lane *) lane[PKI_LANES]; /* made when first needed; acquire pairs with release */
    _Atomic uint64_t ticked_at;          /* relaxed: a late tick does no harm */
    _Atomic uint32_t taken;              /* debug: blocks of classes, modulo 2^32; relaxed */
} pki_checked;

/* Is there a checked heap in the process? Then a free looks whether the block is of one. */
extern _Atomic bool pki_any_checked; /* relaxed: set before the heap is known to anybody */

/* Sets the mode of a heap that has no memory yet; before its space is registered. */
void pki_checked_init(pk_heap *heap, pki_mode mode);

/* Empties the quarantines and ends the lanes' records, before the heap's memory goes. */
void pki_checked_fini(pk_heap *heap);

/* Debug: shall this block of n bytes, which has a class, stand on pages of its own? Then how many bytes it
 * takes, else 0. Its record is on a further page, so that, once it is freed, each touch of it, a read
 * too, stops the program there and then. */
size_t pki_checked_sample(pk_heap *heap, size_t n);

/* A block of a class; its record is yet to be written. NULL: see *why. */
void *pki_checked_take(pk_heap *heap, unsigned cls, pk_status *why);

/* Makes a block that was just taken the program's, with n bytes, n >= 1. */
void pki_checked_dress(void *p, size_t n, const void *site);

/* The caller's view of a free: whence, and the size that it knows. */
typedef struct {
    const char *call; /* for reports */
    const void *site;
    size_t n; /* SIZE_MAX: not told */
} pki_release;

/* Is it a place in a checked heap? */
bool pki_checked_has(const pki_place *place);

/* Frees the block, or reports it. errno is kept. */
void pki_checked_free(const pki_place *place, void *p, const pki_release *release);

/* Has the block in use n bytes from now on, if that is possible in its place? */
bool pki_checked_resize(const pki_place *place, void *p, size_t n, const void *site);

/* realloc. */
void *pki_checked_realloc(const pki_place *place, void *p, size_t n, const void *site);

/* The bytes that were asked for; 0 if it is no block in use. */
size_t pki_checked_usable(const pki_place *place, const void *p);

/* Lets all blocks leave the quarantines. */
void pki_checked_flush(pk_heap *heap);

/* ---- checked_report.c ---- */

/* What waits in quarantine is not the program's. */
void pki_checked_stats(pk_heap *heap, pk_stats *out);

/* pk_heap_walk, with the sizes that were asked for. */
bool pki_checked_walk(pk_heap *heap, pk_heap_walk_fn *fn, void *arg);

/* For the end of a process: what was written after it was freed is found and reported; then, in debug mode,
 * the blocks in use are listed on standard error by the places that took them. Other threads may run. */
void pki_checked_at_exit(pk_heap *heap);

/* K1 to K3: how many are broken; the first one's description goes to text, if it is not NULL. */
size_t pki_checked_audit(pk_heap *heap, char *text, size_t text_size);

/* ---- inside checked*.c ---- */

/* The block at a place of a checked heap, with a record. */
pki_block pki_checked_block(const pki_place *place, void *p);

#endif /* PKI_HEAP_CHECKED_H */
