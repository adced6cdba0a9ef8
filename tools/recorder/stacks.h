/* SPDX-License-Identifier: MIT
 * stacks.h: from the frame of an interposed function to the number of its call stack.
 *
 * stacks.c   the memo of stacks, and the table that numbers them
 * unwind.c   one frame after the other, by cached rules
 * cfi.c      a rule out of a module's unwind tables
 * modules.c  which module an address is in; announces modules to the reader
 * limits.c   which memory is surely the thread's stack
 * verify.c   the self-check
 *
 * Invariants:
 * S1. Memory is read between the current frame and the top of the thread's own stack only, after
 *     limits.c has said so; on any other stack (sigaltstack, a coroutine's) the caller is all that
 *     is told.
 * S2. An entry of the memo is used only if every word is the same that the unwinder read when the
 *     entry was made. What a frame says depends on its address, its place and on words of outer
 *     frames that are found through it; the first return address and place are the key; so, frame
 *     by frame, the whole stack is the same. Words below the current frame are never among them.
 * S3. Rules and the memo are forgotten when a module has been unloaded, and stacks with the same
 *     addresses get new numbers then.
 */
#ifndef POOLKIT_RECORDER_STACKS_H
#define POOLKIT_RECORDER_STACKS_H

#include "cfi.h"
#include "recorder.h"

/* Words that unwinding has read, as an address relative to the first frame and its value packed
 * into one word: (index of the word) << 48 | value. Addresses of user space have 47 bits. */
#define PKI_TRAIL_MOST (2 * PKI_WIRE_STACK_MOST + 8)
#define PKI_TRAIL_REACH ((uintptr_t)UINT16_MAX) /* words above the first frame */

struct pki_stack {
    size_t frames;
    size_t words;
    bool whole; /* every word that was read is in the trail */
    uintptr_t frame[PKI_WIRE_STACK_MOST];
    uint64_t trail[PKI_TRAIL_MOST];
};

struct pki_cached_rule {
    uint64_t pc; /* with the modules' generation in the top bits */
    struct pki_rule rule;
};

struct pki_memo {
    uintptr_t frame;
    uintptr_t caller;
    uint32_t stack;
    uint32_t generation;
    uint32_t at; /* first word of the trail in the thread's trails */
    uint16_t words;
    uint16_t room;
};

/* What a thread keeps for its stacks, behind struct pki_thread. Sizes are powers of two. */
struct pki_stack_cache {
    struct pki_memo *memo;
    struct pki_cached_rule *rules;
    uint64_t *trails;
    uint32_t memo_mask, rules_mask;
    uint32_t trails_size, trails_used;
    uint32_t generation; /* of the memo's entries; a new one forgets them all */
    uint32_t modules;    /* generation of the modules that the caches are right for */
};

size_t pki_stack_cache_bytes(bool small);
void pki_stack_cache_init(struct pki_thread *t, void *memory, bool small);
/* Another thread has got the ring: its stack is another one. */
void pki_stack_cache_reset(struct pki_thread *t);

/* The number of the stack that called the interposed function, announced if it is new. 0: none. */
uint32_t pki_stack_number(struct pki_thread *t, const uintptr_t *frame);

/* The number of a stack of these addresses, announced if it is new. */
uint32_t pki_stack_number_of(struct pki_thread *t, const uintptr_t *frames, size_t n);
/* How many frames are wanted. */
size_t pki_stack_depth(void);

/* ---- unwind.c ---- */

/* Fills `stack` with at most `most` frames, the caller first. `top` is from pki_stack_top. */
void pki_unwind_cfi(struct pki_thread *t, const uintptr_t *frame, uintptr_t top, size_t most,
                    struct pki_stack *stack);
void pki_unwind_fp(const uintptr_t *frame, uintptr_t top, size_t most, struct pki_stack *stack);

/* ---- limits.c ---- */

/* The thread's own stack, as far as it is known. */
struct pki_limits {
    uintptr_t top;   /* 0: not looked for yet */
    uintptr_t low;   /* all from here to the top can be read */
    uintptr_t floor; /* the page below cannot be read; 0: not met yet */
};
extern _Thread_local struct pki_limits pki_limits __attribute__((tls_model("initial-exec")));

uintptr_t pki_stack_top_unusual(uintptr_t frame);

/* The end of the thread's own stack if `frame` lies in it, so that all from there up to it can be
 * read; 0 if it does not. */
static inline uintptr_t pki_stack_top(const uintptr_t *frame)
{
    const struct pki_limits *l = &pki_limits;
    uintptr_t at = (uintptr_t)frame;
    return PKI_LIKELY(at >= l->low && at < l->top) ? l->top : pki_stack_top_unusual(at);
}

/* ---- modules.c ---- */

struct pki_module {
    uintptr_t start, end, bias;
    const uint8_t *header; /* .eh_frame_hdr, or NULL */
    const char *path;
};

/* Goes up whenever a module has been unloaded. */
extern _Atomic uint32_t pki_modules_generation;
/* The module at an address, announced to the reader if it has not been yet. */
bool pki_module_find(struct pki_thread *t, uintptr_t pc, struct pki_module *found);

/* ---- verify.c ---- */

extern bool pki_verify; /* POOLKIT_RECORD_VERIFY=1: slow, for tests */
void pki_verify_memo(struct pki_thread *t, const uintptr_t *frame, uintptr_t top,
                     const struct pki_memo *entry);
void pki_verify_unwinding(const struct pki_stack *stack);

#endif
