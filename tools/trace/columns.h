/* SPDX-License-Identifier: MIT
 * columns.h: up to TRACE_BLOCK events as columns of numbers, and back.
 *
 * Numbers that are alike stand together, and addresses are told as the distance from where one
 * would expect them: so most bytes are small and repeat, and compress well. A block of columns can
 * be read without the ones before it.
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
    PKI_ADDRESSES_GO,
    PKI_COLUMNS
};

#define PKI_GUESS_STACKS 16384 /* a power of two */

/* Where the next address is expected. */
struct pki_guess {
    uint64_t come[PKI_GUESS_STACKS]; /* the last address that came, by the stack's low bits */
    uint64_t go[PKI_GUESS_STACKS];
    uint64_t last_come, last_go, last_taken;
};

struct pki_packer; /* 3 MiB */
struct pki_packer *pki_packer_create(void);
void pki_packer_destroy(struct pki_packer *p);
/* At most TRACE_BLOCK, then they must be taken out. `tick` is the event's time, and is not below
 * that of the one before. */
void pki_pack(struct pki_packer *p, const struct trace_event *event, uint64_t tick);
size_t pki_packed(const struct pki_packer *p);
/* Appends the chunk's content and starts anew. */
bool pki_pack_end(struct pki_packer *p, struct pki_bytes *content);

struct pki_unpacker {
    struct pki_guess guess;
};
/* How many events `content` holds, or -1 with the reason in *what. `events` has room for
 * TRACE_BLOCK. */
int pki_unpack(struct pki_unpacker *u, const struct pki_bytes *content, struct trace_event *events,
               const char **what);

#endif
