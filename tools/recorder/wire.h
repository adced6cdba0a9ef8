/* SPDX-License-Identifier: MIT
 * wire.h: how a recorded process tells the recording command what it allocates and frees.
 *
 * The command makes a folder in memory (a tmpfs) and names it in POOLKIT_RECORD_DIR. The preloaded
 * library writes its events into files there that are mapped by both sides, so nothing is copied,
 * no system call is made per event, and what a killed process wrote is still there to be read.
 * The layout is private to one version of poolkit: both sides compare PKI_WIRE_MAGIC.
 *
 *   control              one page, made by the command, mapped by every process
 *   IMAGE.image          one per program image (a process; again after exec; a fork's child)
 *   IMAGE.ring.N         one per thread that runs at the same time; reused after a thread's end
 *
 * IMAGE is "PID-START", START the clock's reading in hexadecimal when the image began. A file is
 * made as "tmp-..." and renamed when it is complete, so whoever finds one finds it whole.
 *
 * A ring is a page of header and `words` words of data (a power of two). Producer: the thread that
 * owns it. Consumer: the command. Positions only grow; a word's place is position & (words - 1).
 *
 *        read                      written
 *          |   records of whole words |
 *   -------v==========================v-----------
 *
 * Invariants:
 * W1. written - read <= words; the producer stores `written` with release after the record's words,
 *     the consumer's acquire load of it pairs with that; the consumer stores `read` with release
 *     after it has copied, the producer's acquire load pairs with that.
 * W2. A free is published before the block is given back, an allocation after the block has come:
 *     so of two events at one address in two threads, the second is published after the first.
 * W3. A stack is defined in some ring before its number is used in any.
 * W4. A record never stands half in the ring: `written` moves over whole records only.
 */
#ifndef POOLKIT_RECORDER_WIRE_H
#define POOLKIT_RECORDER_WIRE_H

#include <stdatomic.h>
#include <stdint.h>

#define PKI_RECORD_DIR "POOLKIT_RECORD_DIR"
#define PKI_WIRE_MAGIC UINT64_C(0x3165726977746b70) /* "pktwire1" */
#define PKI_WIRE_PAGE 4096
#define PKI_WIRE_RING_WORDS ((uint64_t)1 << 17) /* 1 MiB */
#define PKI_WIRE_STACK_MOST 128                 /* frames; deeper ones keep the innermost */

enum pki_wire_stacks { PKI_STACKS_NONE, PKI_STACKS_CALLER, PKI_STACKS_FP, PKI_STACKS_CFI };
enum pki_wire_clock { PKI_CLOCK_TSC, PKI_CLOCK_MONOTONIC };

struct pki_wire_control {
    uint64_t magic;
    uint32_t stacks;            /* enum pki_wire_stacks */
    uint32_t depth;             /* frames kept, at most PKI_WIRE_STACK_MOST */
    uint32_t free_stacks;       /* 1: frees carry stacks too */
    uint32_t clock;             /* enum pki_wire_clock: what the tick of an event is */
    uint32_t may_drop;          /* 1: a full ring drops and counts; 0: the thread waits */
    int32_t recorder;           /* process id: a waiting thread looks whether it still lives */
    _Atomic uint32_t recording; /* 0: paused, events are not written */
    _Atomic uint32_t ended;     /* 1: nobody reads any more; record nothing, wait for nothing.
                                   Whoever sets it clears `recording` first */
    _Atomic uint32_t wake;      /* futex: a producer with a half-full ring adds 1 and wakes */
};

struct pki_wire_image {
    uint64_t magic;
    int32_t pid;
    int32_t parent;  /* process id of the parent */
    uint64_t start;  /* clock's reading */
    uint32_t forked; /* 1: a fork's child, whose inherited blocks nobody announces */
    uint32_t unused;
    uint64_t anonymous; /* resident anonymous bytes when the image began to record */
    char program[512];  /* /proc/self/exe */
    char command[1024]; /* the arguments, each ended by 0, cut off if too long */
    uint32_t command_bytes;
    _Atomic uint32_t stacks; /* how many have been numbered; the first is 1; 0 is "no stack" */
    _Atomic uint32_t ended;  /* 1: left by exit; otherwise killed, or _exit, or exec */
    _Atomic uint64_t lost;   /* events for which no ring could be made (no memory in the folder) */
    /* The recorder's self-check, for its tests: stacks compared, and those that differed. */
    _Atomic uint64_t memo_checked, memo_wrong;
    _Atomic uint64_t unwind_checked, unwind_wrong, unwind_short, unwind_long;
};

struct pki_wire_ring {
    uint64_t magic;
    uint64_t words;
    _Atomic uint32_t in_use; /* 1 while a thread owns it */
    char pad1[PKI_WIRE_PAGE / 4 - 20];
    _Atomic uint64_t written;
    char pad2[PKI_WIRE_PAGE / 4 - 8];
    _Atomic uint64_t read;
    _Atomic uint32_t waiting; /* futex: 1 while the producer waits for room */
    _Atomic uint64_t untold; /* events dropped since the last record, told by no PKI_WIRE_GAP yet */
    char pad3[PKI_WIRE_PAGE / 2 - 24];
};

/* A record's first word is ticks << 8 | kind, ticks being the low 56 bits of the clock. Kinds below
 * PKI_WIRE_THREAD are the trace's own (enum trace_op in trace/trace.h) and come in two shapes:
 *
 *   a block comes    ticks<<8|op   address | log2(alignment)<<57    size   stack
 *   a block goes     ticks<<8|op   address                          stack | size<<32 (sized delete;
 *                                                                   0 = not told, saturated)
 * Alignment is told for the aligned functions only (otherwise 0). */
enum pki_wire_kind {
    PKI_WIRE_THREAD = 64, /* + kernel's thread id, name in two words: this ring is now this one's */
    PKI_WIRE_THREAD_END,  /* + nothing */
    PKI_WIRE_STACK,       /* + id | frames<<32, then the return addresses, innermost first */
    PKI_WIRE_MODULE, /* + load bias, first address, end address, path bytes | build id bytes<<32,
                             then path and build id, together filled up to whole words with 0 */
    PKI_WIRE_MODULE_GONE, /* + load bias: unloaded (dlclose) */
    PKI_WIRE_GAP,         /* + how many events were dropped here */
};

#endif
