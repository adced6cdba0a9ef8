/* SPDX-License-Identifier: MIT
 * interpose.h: the layer that stands between a program and its allocator, and what it asks of the
 * library that is made of it.
 *
 * interpose.c  the malloc family: forwards each call to the next library in the search order
 * new.c        operator new and delete, likewise
 * process.c    what both libraries ask the kernel about this process
 *
 * The layer is linked with one set of hooks: ledger.c makes libpoolkit-count.so of it,
 * tools/recorder libpoolkit-record.so. A hook is called for the program's own calls only, never for
 * those that the next allocator makes while it works, and once per call.
 *
 * Nothing here may call malloc, and nothing may change errno behind the program's back.
 */
#ifndef POOLKIT_SHIM_INTERPOSE_H
#define POOLKIT_SHIM_INTERPOSE_H

#include "trace/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PKI_EXPORT __attribute__((visibility("default")))

/* The frame of the interposed function: the caller's frame pointer is stored there, the address
 * that it returns to one word higher. Valid only while that function runs, so the hooks must not be
 * called as its last act by a jump: these files are compiled with -fno-optimize-sibling-calls. */
#define PKI_FRAME ((const uintptr_t *)__builtin_frame_address(0))

/* Greater than 0 while this thread is inside the next allocator: its calls of malloc are its own
 * business and are not reported. */
extern _Thread_local int pki_depth __attribute__((tls_model("initial-exec")));

/* A function of the next library in the search order, or NULL. */
void *pki_next(const char *name);

/* What a hook keeps from before a realloc to after it. */
typedef struct pki_moving {
    void *block;
    size_t old_size;
    size_t size;
    bool known;
} pki_moving;

/* ---- the hooks ---- */

/* The first call that found the next allocator; also called by a constructor. */
void pki_hook_start(void);
/* A block has come. `align` is 0 unless the program asked for one. Returns the block. */
void *pki_hook_comes(enum trace_op op, void *block, size_t size, size_t align,
                     const uintptr_t *frame);
/* A block is about to go: whoever gets its address next finds it gone. `size` is what a sized
 * delete told, otherwise 0. */
void pki_hook_goes(enum trace_op op, void *block, size_t size, const uintptr_t *frame);
/* Around a realloc of a block: `moved` is what it returned. */
void pki_hook_moves(pki_moving *moving, const uintptr_t *frame);
void pki_hook_moved(const pki_moving *moving, void *moved, const uintptr_t *frame);

#endif
