/* SPDX-License-Identifier: MIT
 * format.h: the numbers that docs/trace-format.md states: marks, kinds of chunks, limits.
 */
#ifndef POOLKIT_TRACE_FORMAT_H
#define POOLKIT_TRACE_FORMAT_H

#include <stdint.h>

#define TRACE_MAGIC "pktrace\n" /* then the version and its complement, 4 bytes each */
#define TRACE_HEAD 16

/* A chunk's head is two words of 4 bytes: length * 32 + kind, and the complement of that xor the
 * chunk's place in the file, 0 for the first: so a chunk that was moved, lost or doubled shows. */
#define TRACE_CHUNK_HEAD 8
#define TRACE_KIND_BITS 5
#define TRACE_RAW_MOST ((uint64_t)64 << 20) /* bytes of one chunk before compression */
#define TRACE_PACKED_MOST (UINT32_MAX >> TRACE_KIND_BITS)
/* Of all chunks but those of events. The writer leaves out what is beyond them, so that nobody
 * needs more memory than a few times this to read a file, whatever stands in it. */
#define TRACE_KEPT_MOST ((uint64_t)128 << 20)       /* bytes before compression */
#define TRACE_FRAMES_KEPT_MOST ((uint64_t)64 << 20) /* frames of all stacks */

enum trace_kind {
    TRACE_INFO = 1,
    TRACE_EVENTS,
    TRACE_STACKS,
    TRACE_MODULES,
    TRACE_THREADS,
    TRACE_SAMPLES,
    TRACE_SYMBOLS,
    TRACE_GAPS,
    TRACE_LAST, /* the recording is whole; nothing follows */
    TRACE_KIND_END
};

#define TRACE_TEXT 65535 /* bytes of one text, its 0 not counted; the writer cuts longer ones */
#define TRACE_FRAMES_MOST 1024 /* of one stack: the writer keeps the innermost */
#define TRACE_INLINED_MOST 64  /* functions at one address: the writer keeps the innermost */
#define TRACE_THREADS_MOST 65536
#define TRACE_ALIGN_MOST 63                        /* log2 */
#define TRACE_TICKS_MOST (UINT64_MAX / TRACE_TICK) /* so that nanoseconds fit */
/* So many numbers of stacks may be used that are not defined: the tables that readers make are
 * bounded by what the file holds. */
#define TRACE_STACKS_MISSING 65536

#endif
