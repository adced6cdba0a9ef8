/* SPDX-License-Identifier: MIT
 * columns.h: up to TRACE_BLOCK events as columns of numbers, and back.
 *
 * Numbers that are alike stand together, and addresses are told by what is known already: so most
 * bytes are small and repeat, and compress well. A block of columns can be read without the ones
 * before it. Each event adds to
 *
 *   PKI_OPS            its op; PKI_AS_GUESSED set if the address needs no distance, PKI_IN_LIST if
 *                      it is found in a list
 *   PKI_THREADS        its thread
 *   PKI_TIMES          ticks since the event before
 *   PKI_STACKS_COME/_GO  its stack less that of the event before in this column
 *   PKI_SIZES_COME/_GO   its size
 *   PKI_ALIGNS         its alignment
 *
 * and, a block that comes: PKI_ADDRESSES_COME, the distance to its address, unless that was
 * guessed, or PKI_DEPTHS, how many stand in front of it in the list for its size; one that goes:
 * PKI_BIRTHS, which of the blocks that came in these columns it is, or PKI_ADDRESSES_GO, the
 * distance to its address, if it is none of them.
 */
#ifndef POOLKIT_TRACE_COLUMNS_H
#define POOLKIT_TRACE_COLUMNS_H

#include "bytes.h"
#include "trace.h"

enum pki_column {
    PKI_OPS,
    PKI_THREADS,
    PKI_TIMES,
    PKI_STACKS_COME,
    PKI_STACKS_GO,
    PKI_SIZES_COME,
    PKI_SIZES_GO,
    PKI_ALIGNS,
    PKI_ADDRESSES_COME,
    PKI_BIRTHS,
    PKI_ADDRESSES_GO,
    PKI_DEPTHS,
    PKI_COLUMNS
};

#define PKI_AS_GUESSED 0x20 /* ops are below it */
#define PKI_IN_LIST 0x40

struct pki_packer; /* 6 MiB */
struct pki_packer *pki_packer_create(void);
void pki_packer_destroy(struct pki_packer *p);
/* At most TRACE_BLOCK, then they must be taken out. `tick` is the event's time, and is not below
 * that of the one before. Returns how many there are now. */
size_t pki_pack(struct pki_packer *p, const struct trace_event *event, uint64_t tick);
size_t pki_packed(const struct pki_packer *p);
/* Appends the chunk's content and starts anew. */
bool pki_pack_end(struct pki_packer *p, struct pki_bytes *content);

struct pki_guess;
/* How many events `content` holds, or -1 with the reason in *what. `events` has room for
 * TRACE_BLOCK. What was in `g` does not matter. */
int pki_unpack(struct pki_guess *g, const struct pki_bytes *content, struct trace_event *events,
               const char **what);

#endif
