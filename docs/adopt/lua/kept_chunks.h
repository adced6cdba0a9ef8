/* SPDX-License-Identifier: MIT
 * kept_chunks.h: a page source that keeps the chunks of ended heaps for the next ones, resident. */
#ifndef KEPT_CHUNKS_H
#define KEPT_CHUNKS_H

#include <poolkit/page_source.h>

enum { KEPT_CHUNKS = 8 }; /* of 4 MiB each, at most */

/* Zero-filled it is empty. For one thread at a time, and so are the heaps on it. */
typedef struct {
    void *chunk[KEPT_CHUNKS];
    unsigned n;
} kept_chunks;

/* *kept must outlive the heaps on it. */
pk_page_source kept_chunks_source(kept_chunks *kept);

/* Gives back what is kept. */
void kept_chunks_drop(kept_chunks *kept);

#endif /* KEPT_CHUNKS_H */
