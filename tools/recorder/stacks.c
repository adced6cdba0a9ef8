/* SPDX-License-Identifier: MIT
 * stacks.c: the memo of stacks, and the table that numbers them.
 *
 * The memo is the thread's own. Its key is where the interposed function was called from: return
 * address and place on the stack. An entry that proves right by S2 saves the whole unwinding; on
 * real programs nine of ten do and more.
 *
 * The table is the image's: open addressing over hashes of 64 bits, without a lock. Whoever finds a
 * stack that has no number yet gives it one: it announces the stack in its own ring first and
 * publishes the number then (W3). Two threads that do so at once announce it twice, under two
 * numbers, of which one is used from then on. A full table gets a second, twice as large, and so on.
 */
#include "stacks.h"
#include "shim/interpose.h"

#include <string.h>

/* Per thread, 384 KiB together; a thread with a small ring gets a share. */
#define MEMO_ENTRIES 2048u
#define TRAIL_WORDS 32768u
#define RULES 4096u
#define SMALL_SHARE 8u

#define TRAIL_STEP 4u /* trails are compared, and filled up, by so many words */

#define FIRST_TABLE 16384u /* hashes; the next table has twice as many */

bool pki_verify;

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

size_t pki_stack_cache_bytes(bool small)
{
    unsigned share = small ? SMALL_SHARE : 1;
    return sizeof(struct pki_stack_cache) +
           (MEMO_ENTRIES * sizeof(struct pki_memo) + RULES * sizeof(struct pki_cached_rule) +
            TRAIL_WORDS * sizeof(uint64_t)) /
               share;
}

void pki_stack_cache_init(struct pki_thread *t, void *memory, bool small)
{
    unsigned share = small ? SMALL_SHARE : 1;
    struct pki_stack_cache *c = memory;
    c->memo = (struct pki_memo *)(void *)(c + 1);
    c->rules = (struct pki_cached_rule *)(void *)(c->memo + MEMO_ENTRIES / share);
    c->trails = (uint64_t *)(void *)(c->rules + RULES / share);
    c->memo_mask = MEMO_ENTRIES / share - 1;
    c->rules_mask = RULES / share - 1;
    c->trails_size = TRAIL_WORDS / share;
    c->generation = 1;
    t->stacks = c;
}

static void forget_memo(struct pki_stack_cache *c)
{
    c->generation++;
    c->trails_used = 0;
}

void pki_stack_cache_reset(struct pki_thread *t) { forget_memo(t->stacks); }

static bool announce(struct pki_thread *t, const uintptr_t *frames, size_t n, uint32_t number)
{
    if (!pki_has_room(t, 2 + n)) {
        return false;
    }
    pki_put(t, 0, pki_ticks() << 8 | PKI_WIRE_STACK);
    pki_put(t, 1, number | (uint64_t)n << 32);
    for (size_t i = 0; i < n; i++) {
        pki_put(t, 2 + i, frames[i]);
    }
    pki_publish(t, 2 + n);
    return true;
}

/* The place of a hash in one table: where it is, or an empty place; NULL if the table is full. */
static struct pki_numbered *find_place(struct pki_number_table *table, uint64_t hash)
{
    size_t at = (size_t)(hash >> 20) & table->mask;
    for (size_t tries = 0; tries < 64; tries++, at = (at + 1) & table->mask) {
        uint64_t seen = atomic_load_explicit(&table->places[at].hash, memory_order_acquire);
        if (seen == hash) {
            return &table->places[at];
        }
        if (seen == 0) {
            if (atomic_compare_exchange_strong(&table->places[at].hash, &seen, hash) ||
                seen == hash) {
                return &table->places[at];
            }
        }
    }
    return NULL;
}

static struct pki_numbered *place_of(uint64_t hash)
{
    for (unsigned level = 0; level < PKI_TABLES_MOST; level++) {
        struct pki_number_table *table = pki_image_table(level, (size_t)FIRST_TABLE << level);
        struct pki_numbered *place = table ? find_place(table, hash) : NULL;
        if (place || !table) {
            return place;
        }
    }
    return NULL;
}

uint32_t pki_stack_number_of(struct pki_thread *t, const uintptr_t *frames, size_t n)
{
    uint64_t hash = mix(n, t->stacks->modules);
    for (size_t i = 0; i < n; i++) {
        hash = mix(hash, frames[i]);
    }
    hash |= hash == 0;
    struct pki_numbered *place = place_of(hash);
    if (!place) {
        return 0;
    }
    uint32_t number = atomic_load_explicit(&place->number, memory_order_acquire);
    if (PKI_LIKELY(number)) {
        return number;
    }
    number = atomic_fetch_add(&pki_image->stacks, 1) + 1;
    if (!announce(t, frames, n, number)) {
        return 0;
    }
    uint32_t none = 0;
    bool first = atomic_compare_exchange_strong(&place->number, &none, number);
    return first ? number : none;
}

/* Direct mapped: a collision costs an unwinding, no more. */
static struct pki_memo *memo_place(struct pki_stack_cache *c, uintptr_t frame, uintptr_t caller)
{
    uint64_t hash = (frame >> 3 ^ (uint64_t)caller << 13) * UINT64_C(0x9e3779b97f4a7c15);
    return &c->memo[(size_t)(hash >> 40) & c->memo_mask];
}

/* Whether all words of the entry are still the same. The key makes sure that they can be read: the
 * stack of one thread is not unmapped above a place in it, and another thread's entries are gone. */
static inline bool still_true(const struct pki_stack_cache *c, const struct pki_memo *entry,
                              const uintptr_t *frame)
{
    const uint64_t *word = c->trails + entry->at, *end = word + entry->words;
    uint64_t other = 0;
    for (; word < end; word += TRAIL_STEP) {
        other |= (frame[word[0] >> 48] ^ word[0]) | (frame[word[1] >> 48] ^ word[1]) |
                 (frame[word[2] >> 48] ^ word[2]) | (frame[word[3] >> 48] ^ word[3]);
    }
    return other << 16 == 0;
}

static bool make_room(struct pki_stack_cache *c, struct pki_memo *entry, size_t words)
{
    if (entry->generation == c->generation && entry->room >= words) {
        return true;
    }
    if (words > c->trails_size / 4) {
        return false;
    }
    if (c->trails_used + words > c->trails_size) {
        forget_memo(c);
    }
    entry->at = c->trails_used;
    entry->room = (uint16_t)words;
    c->trails_used += (uint32_t)words;
    return true;
}

static void remember(struct pki_stack_cache *c, struct pki_memo *entry, const uintptr_t *frame,
                     const struct pki_stack *stack, uint32_t number)
{
    size_t words = (stack->words + TRAIL_STEP - 1) / TRAIL_STEP * TRAIL_STEP;
    if (!stack->whole || !number || !make_room(c, entry, words)) {
        return;
    }
    uint64_t *trail = c->trails + entry->at;
    memcpy(trail, stack->trail, stack->words * sizeof *trail);
    for (size_t i = stack->words; i < words; i++) {
        trail[i] = trail[0];
    }
    entry->frame = (uintptr_t)frame;
    entry->caller = frame[1];
    entry->stack = number;
    entry->generation = c->generation;
    entry->words = (uint16_t)words;
}

size_t pki_stack_depth(void)
{
    uint32_t wanted = pki_control->depth;
    return wanted == 0 || wanted > PKI_WIRE_STACK_MOST ? PKI_WIRE_STACK_MOST : wanted;
}

__attribute__((noinline)) static uint32_t unwind(struct pki_thread *t, const uintptr_t *frame,
                                                 uintptr_t top, struct pki_memo *entry)
{
    struct pki_stack stack;
    pki_unwind_cfi(t, frame, top, pki_stack_depth(), &stack);
    if (PKI_UNLIKELY(pki_verify)) {
        pki_verify_unwinding(&stack);
    }
    uint32_t number = pki_stack_number_of(t, stack.frame, stack.frames);
    remember(t->stacks, entry, frame, &stack, number);
    return number;
}

/* Its entries in the memo have no frame: nothing but the address counts. */
static uint32_t caller_number(struct pki_thread *t, uintptr_t caller)
{
    struct pki_stack_cache *c = t->stacks;
    struct pki_memo *entry = memo_place(c, 0, caller);
    if (PKI_LIKELY(entry->caller == caller && entry->frame == 0 &&
                   entry->generation == c->generation)) {
        return entry->stack;
    }
    struct pki_module module;
    pki_module_find(t, caller - 1, &module);
    uint32_t number = pki_stack_number_of(t, &caller, 1);
    if (number) {
        *entry = (struct pki_memo){.caller = caller, .stack = number, .generation = c->generation};
    }
    return number;
}

__attribute__((noinline)) static uint32_t fp_number(struct pki_thread *t, const uintptr_t *frame,
                                                    uintptr_t top)
{
    struct pki_stack stack;
    pki_unwind_fp(frame, top, pki_stack_depth(), &stack);
    uint32_t before = atomic_load_explicit(&pki_image->stacks, memory_order_relaxed);
    uint32_t number = pki_stack_number_of(t, stack.frame, stack.frames);
    if (number > before) {
        struct pki_module module;
        for (size_t i = 0; i < stack.frames; i++) {
            pki_module_find(t, stack.frame[i] - 1, &module);
        }
    }
    return number;
}

/* Modules have gone since the thread was here last. */
static void forget_modules(struct pki_stack_cache *c, uint32_t generation)
{
    c->modules = generation;
    memset(c->rules, 0, (c->rules_mask + 1) * sizeof *c->rules);
    forget_memo(c);
}

uint32_t pki_stack_number(struct pki_thread *t, const uintptr_t *frame)
{
    struct pki_stack_cache *c = t->stacks;
    uint32_t kind = pki_control->stacks;
    uint32_t generation = atomic_load_explicit(&pki_modules_generation, memory_order_relaxed);
    if (PKI_UNLIKELY(c->modules != generation)) {
        forget_modules(c, generation);
    }
    uintptr_t top = kind >= PKI_STACKS_FP ? pki_stack_top(frame) : 0;
    if (PKI_UNLIKELY(!top)) {
        return caller_number(t, frame[1]);
    }
    if (kind == PKI_STACKS_FP || !PKI_HAS_CFI) {
        return fp_number(t, frame, top);
    }
    struct pki_memo *entry = memo_place(c, (uintptr_t)frame, frame[1]);
    if (PKI_LIKELY(entry->frame == (uintptr_t)frame && entry->caller == frame[1] &&
                   entry->generation == c->generation && still_true(c, entry, frame))) {
        if (PKI_UNLIKELY(pki_verify)) {
            pki_verify_memo(t, frame, top, entry);
        }
        return entry->stack;
    }
    return unwind(t, frame, top, entry);
}
