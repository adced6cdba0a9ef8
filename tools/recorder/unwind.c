/* SPDX-License-Identifier: MIT
 * unwind.c: one frame after the other, by cached rules.
 *
 * A rule depends on the address only and is looked up once; later frames cost one look into a small
 * table of the thread's own. An address without a rule (code made at run time, a module without
 * tables) is tried by frame pointers, as far as they are plausible.
 */
#include "stacks.h"

#include <string.h>

/* What is known of a frame: its return address, and the registers as they are when it is back. */
struct place {
    uintptr_t pc; /* the address to look up */
    uintptr_t sp;
    uintptr_t low; /* words of the frame begin there: at sp, below it in interrupted code */
    uintptr_t rbp;
    const uintptr_t *rbp_word; /* where rbp came from, NULL once that is in the trail */
    bool rbp_known;
};

struct walk {
    const uintptr_t *base; /* the trail's words are counted from here */
    uintptr_t top;
    struct pki_stack *stack;
    struct place now;
};

static void note(struct walk *w, const uintptr_t *word)
{
    struct pki_stack *s = w->stack;
    size_t index = (size_t)(word - w->base);
    if (index > PKI_TRAIL_REACH || s->words == PKI_TRAIL_MOST) {
        s->whole = false;
        return;
    }
    s->trail[s->words++] = (uint64_t)index << 48 | (*word & (UINT64_MAX >> 16));
}

/* The word at an address that must lie between `from` and the top; NULL if it does not. */
static const uintptr_t *word_at(const struct walk *w, uintptr_t at, uintptr_t from)
{
    bool inside = at >= from && at < w->top && w->top - at >= sizeof(uintptr_t) && at % 8 == 0;
    return inside ? (const uintptr_t *)at : NULL;
}

static uintptr_t use_rbp(struct walk *w)
{
    if (w->now.rbp_word) {
        note(w, w->now.rbp_word);
        w->now.rbp_word = NULL;
    }
    return w->now.rbp;
}

/* Where the caller's frame of the one at `now` begins; 0: not known. */
static uintptr_t find_cfa(struct walk *w, struct pki_rule rule)
{
    const uintptr_t *word;
    uintptr_t offset = (uintptr_t)(intptr_t)rule.offset;
    switch (rule.cfa) {
    case PKI_CFA_RSP:
        return w->now.sp + offset;
    case PKI_CFA_RBP:
        return w->now.rbp_known ? use_rbp(w) + offset : 0;
    case PKI_CFA_AT_RBP:
        word = w->now.rbp_known ? word_at(w, use_rbp(w) + offset, w->now.sp) : NULL;
        if (word) {
            note(w, word);
        }
        return word ? *word : 0;
    default:
        return 0;
    }
}

static void find_rbp(struct walk *w, struct pki_rule rule, uintptr_t cfa)
{
    uintptr_t base = cfa;
    switch (rule.rbp_at) {
    case PKI_RBP_SAME:
        return;
    case PKI_RBP_LOST:
        w->now.rbp_known = false;
        return;
    case PKI_RBP_AT_RBP:
        base = w->now.rbp_known ? use_rbp(w) : 0;
        break;
    default:
        break;
    }
    const uintptr_t *word = word_at(w, base + (uintptr_t)((intptr_t)rule.rbp * 8), w->now.low);
    w->now.rbp_word = word;
    w->now.rbp_known = word != NULL;
    w->now.rbp = word ? *word : 0;
}

/* To the caller, whose frame begins at `cfa`. Returns its return address, 0 at the end. */
static uintptr_t step(struct walk *w, struct pki_rule rule)
{
    uintptr_t cfa = find_cfa(w, rule);
    const uintptr_t *ra = cfa ? word_at(w, cfa - 8, w->now.sp) : NULL;
    if (!ra) {
        return 0;
    }
    note(w, ra);
    find_rbp(w, rule, cfa);
    w->now.sp = w->now.low = cfa;
    w->now.pc = *ra - 1;
    return *ra;
}

/* The kernel has put the interrupted registers onto the stack, behind the words named here. */
#define SIGNAL_RBP 15
#define SIGNAL_RSP 20
#define SIGNAL_RIP 21
#define RED_ZONE                                                                                   \
    128 /* bytes below the stack pointer that a handler leaves alone; the tables tell
                        of the word there that `pop %rbp` has just taken */

static uintptr_t step_signal(struct walk *w)
{
    static const uint8_t returns[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
    const uintptr_t *saved = word_at(w, w->now.sp, w->now.sp);
    if (memcmp((const void *)(w->now.pc + 1), returns, sizeof returns) != 0 || !saved ||
        !word_at(w, w->now.sp + SIGNAL_RIP * 8, w->now.sp)) {
        return 0;
    }
    note(w, saved + SIGNAL_RIP);
    note(w, saved + SIGNAL_RSP);
    uintptr_t sp = saved[SIGNAL_RSP];
    if (!word_at(w, sp, w->now.sp)) {
        return 0; /* the handler has a stack of its own */
    }
    w->now.rbp_word = saved + SIGNAL_RBP;
    w->now.rbp = saved[SIGNAL_RBP];
    w->now.rbp_known = true;
    w->now.low = sp - w->now.sp > RED_ZONE ? sp - RED_ZONE : w->now.sp;
    w->now.sp = sp;
    w->now.pc = saved[SIGNAL_RIP];
    return w->now.pc;
}

static uintptr_t step_frame_pointer(struct walk *w)
{
    struct pki_rule rule = {.offset = 16, .rbp = -2, .cfa = PKI_CFA_RBP, .rbp_at = PKI_RBP_AT_CFA};
    return step(w, rule);
}

static struct pki_rule find_rule(struct pki_thread *t, uintptr_t pc)
{
    struct pki_stack_cache *cache = t->stacks;
    uint64_t key = (uint64_t)pc | (uint64_t)cache->modules << 48;
    size_t slot = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & cache->rules_mask;
    struct pki_cached_rule *cached = &cache->rules[slot];
    if (PKI_UNLIKELY(cached->pc != key)) {
        struct pki_module module;
        struct pki_rule rule = {0};
        if (pki_module_find(t, pc, &module)) {
            rule = pki_cfi_rule(module.header, module.start, module.end, pc);
        }
        cached->pc = key;
        cached->rule = rule;
    }
    return cached->rule;
}

static uintptr_t next_frame(struct pki_thread *t, struct walk *w)
{
    struct pki_rule rule = find_rule(t, w->now.pc);
    switch (rule.cfa) {
    case PKI_CFA_STOP:
        return 0;
    case PKI_CFA_SIGNAL:
        return step_signal(w);
    case PKI_CFA_UNKNOWN:
        return step_frame_pointer(w);
    default:
        return step(w, rule);
    }
}

static void begin(struct walk *w, const uintptr_t *frame, uintptr_t top, struct pki_stack *stack)
{
    w->base = frame;
    w->top = top;
    w->stack = stack;
    stack->frame[0] = frame[1];
    stack->frames = 1;
    stack->words = 0;
    stack->whole = true;
    note(w, frame + 1);
    w->now = (struct place){.pc = frame[1] - 1,
                            .sp = (uintptr_t)(frame + 2),
                            .low = (uintptr_t)(frame + 2),
                            .rbp = frame[0],
                            .rbp_word = frame,
                            .rbp_known = true};
}

void pki_unwind_cfi(struct pki_thread *t, const uintptr_t *frame, uintptr_t top, size_t most,
                    struct pki_stack *stack)
{
    struct walk w;
    begin(&w, frame, top, stack);
    while (stack->frames < most) {
        uintptr_t pc = next_frame(t, &w);
        if (!pc) {
            break;
        }
        stack->frame[stack->frames++] = pc;
    }
}

void pki_unwind_fp(const uintptr_t *frame, uintptr_t top, size_t most, struct pki_stack *stack)
{
    struct walk w;
    begin(&w, frame, top, stack);
    while (stack->frames < most) {
        uintptr_t pc = step_frame_pointer(&w);
        if (!pc) {
            break;
        }
        stack->frame[stack->frames++] = pc;
    }
}
