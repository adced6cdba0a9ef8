/* SPDX-License-Identifier: MIT
 * verify.c: the self-check of stacks, for tests: POOLKIT_RECORD_VERIFY=1.
 *
 * Every stack out of the memo is compared with one that is unwound anew, and every stack that is
 * unwound with what the compiler's own unwinder finds. What differs is counted in the image.
 */
#include "stacks.h"
#include "shim/interpose.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

typedef _Unwind_Reason_Code backtrace_fn(_Unwind_Trace_Fn, void *);

static backtrace_fn *_Atomic other;

#define SEEN_MOST (PKI_WIRE_STACK_MOST + 64)
struct seen {
    size_t frames;
    uintptr_t frame[SEEN_MOST];
};

static _Unwind_Reason_Code see(struct _Unwind_Context *context, void *arg)
{
    struct seen *s = arg;
    s->frame[s->frames++] = (uintptr_t)_Unwind_GetIP(context);
    return s->frames < SEEN_MOST ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* An entry is checked by what was remembered with its stack: the hash of its frames. */
void pki_verify_memo(struct pki_thread *t, const uintptr_t *frame, uintptr_t top,
                     const struct pki_memo *entry)
{
    struct pki_stack now;
    pki_unwind_cfi(t, frame, top, pki_stack_depth(), &now);
    atomic_fetch_add(&pki_image->memo_checked, 1);
    if (pki_stack_number_of(t, now.frame, now.frames) != entry->stack) {
        atomic_fetch_add(&pki_image->memo_wrong, 1);
    }
}

static void complain(const struct pki_stack *stack, const struct seen *s, size_t skipped)
{
    static _Atomic int times;
    if (atomic_fetch_add(&times, 1) >= 5 || !getenv("POOLKIT_RECORD_VERIFY_SHOW")) {
        return;
    }
    char text[64];
    for (size_t i = 0; i < stack->frames || i + skipped < s->frames; i++) {
        int n = snprintf(text, sizeof text, "%2zu %14zx %14zx\n", i,
                         i < stack->frames ? stack->frame[i] : 0,
                         i + skipped < s->frames ? s->frame[i + skipped] : 0);
        fwrite(text, 1, (size_t)n, stderr);
    }
}

/* The other unwinder also meets the frames of this library, and may end with a 0. */
void pki_verify_unwinding(const struct pki_stack *stack)
{
    backtrace_fn *backtrace = atomic_load(&other);
    struct seen s = {.frames = 0};
    if (!backtrace) {
        return;
    }
    pki_depth++;
    backtrace(see, &s);
    pki_depth--;
    size_t skipped = 0;
    while (skipped < s.frames && s.frame[skipped] != stack->frame[0]) {
        skipped++;
    }
    size_t left = s.frames - skipped, same = 0;
    while (same < left && same < stack->frames && s.frame[skipped + same] == stack->frame[same]) {
        same++;
    }
    while (left > same && s.frame[skipped + left - 1] == 0) {
        left--;
    }
    atomic_fetch_add(&pki_image->unwind_checked, 1);
    if (same < stack->frames && same < left) {
        atomic_fetch_add(&pki_image->unwind_wrong, 1);
        complain(stack, &s, skipped);
    } else if (stack->frames < left && stack->frames < pki_stack_depth()) {
        atomic_fetch_add(&pki_image->unwind_short, 1);
        complain(stack, &s, skipped);
    } else if (stack->frames > left) {
        atomic_fetch_add(&pki_image->unwind_long, 1);
        complain(stack, &s, skipped);
    }
}

__attribute__((constructor)) static void start(void)
{
    const char *wanted = getenv("POOLKIT_RECORD_VERIFY");
    if (!wanted || strcmp(wanted, "1") != 0) {
        return;
    }
    pki_depth++;
    void *library = dlopen("libgcc_s.so.1", RTLD_NOW);
    void *found = library ? dlsym(library, "_Unwind_Backtrace") : NULL;
    backtrace_fn *function;
    memcpy(&function, &found, sizeof function);
    atomic_store(&other, function);
    pki_depth--;
    pki_verify = true;
}
