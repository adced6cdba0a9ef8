/* SPDX-License-Identifier: MIT
 * slab.c: see slab.h; the record and its invariants are in chunk.h.
 *
 *   blocks   │ 0 │ 1 │ 2 │ 3 │ 4 │ 5 │ 6 … capacity │
 *   home       0   1   0   1   0 ┆ 0   0 …            1 = free; fresh == 5: the rest was never used
 *   idle       0   ·   1   ·   0 ┆ 1   1 …            the program's are 0 and 4; 2 is in a stack */
#include "slab/slab.h"

#include "base/bits.h"

void pki_slab_init(pki_slab *slab, void *base, pki_bits *bits, size_t size, size_t capacity)
{
    for (size_t i = 0; i < (capacity + 63) / 64; i++) {
        pki_bits_put(&bits[i], 0);
    }
    slab->base = base;
    slab->bits = bits;
    slab->block_size = (uint32_t)size;
    slab->reciprocal = pki_reciprocal(size);
    slab->capacity = (uint32_t)capacity;
    slab->used = 0;
    slab->fresh = 0;
    slab->hint = 0;
    slab->purged = 0;
    slab->listed = false;
    slab->marked = false;
}

void pki_slab_mark(pki_slab *slab)
{
    for (size_t i = 0; i < (slab->capacity + 63) / 64; i++) {
        pki_bits_put(pki_idle_of(&slab->bits[i]), ~UINT64_C(0));
    }
    slab->marked = true;
}

/* ---- the list ---- */

void pki_slab_list_add(pki_slab **first, pki_slab *slab)
{
    pki_slab *head = *first;
    slab->listed = true;
    slab->prev = head;
    slab->next = head == NULL ? NULL : head->next;
    if (slab->next != NULL) {
        slab->next->prev = slab;
    }
    if (head == NULL) {
        *first = slab;
    } else {
        head->next = slab;
    }
}

void pki_slab_list_remove(pki_slab **first, pki_slab *slab)
{
    slab->listed = false;
    if (slab->next != NULL) {
        slab->next->prev = slab->prev;
    }
    if (slab->prev != NULL) {
        slab->prev->next = slab->next;
    } else {
        *first = slab->next;
    }
}

/* ---- take and put ---- */

uint16_t pki_slab_pages_of_block(const pki_slab *slab, size_t number)
{
    size_t begin = number * slab->block_size;
    size_t last = begin + slab->block_size - 1;
    unsigned first_page = (unsigned)(begin / PKI_PAGE_GROUP_SIZE);
    unsigned last_page = (unsigned)(last / PKI_PAGE_GROUP_SIZE);
    return (uint16_t)pki_mask_range(first_page, last_page - first_page + 1);
}

/* Takes blocks with a bit in this word; they fill the stack downwards from `end`. */
static unsigned take_from_word(pki_slab *slab, unsigned word, void **end, unsigned n)
{
    uint64_t before = pki_bits_get(&slab->bits[word]);
    uint64_t bits = before;
    char *base = slab->base + (size_t)word * 64 * slab->block_size;
    unsigned got = 0;
    for (; bits != 0 && got < n; bits &= bits - 1) {
        unsigned bit = pki_count_trailing_zeros(bits);
        *--end = base + (size_t)bit * slab->block_size;
        got++;
        if (pki_unlikely(slab->purged != 0)) {
            slab->purged &= (uint16_t)~pki_slab_pages_of_block(slab, (size_t)word * 64 + bit);
        }
    }
    pki_bits_put(&slab->bits[word], bits);
    if (slab->marked) {
        pki_bits *idle = pki_idle_of(&slab->bits[word]);
        pki_bits_put(idle, pki_bits_get(idle) | (before ^ bits));
    }
    return got;
}

static void take_fresh(pki_slab *slab, void **end, unsigned n)
{
    char *p = slab->base + (size_t)slab->fresh * slab->block_size;
    slab->fresh += n;
    for (; n > 0; n--, p += slab->block_size) {
        *--end = p;
    }
}

unsigned pki_slab_take(pki_slab *slab, void **out, unsigned n, unsigned *fresh)
{
    unsigned got = (unsigned)pki_min(n, slab->capacity - slab->used);
    unsigned freed = (unsigned)pki_min(got, slab->fresh - slab->used);
    unsigned taken = 0;
    for (unsigned word = slab->hint; taken < freed; word++) {
        slab->hint = word;
        taken += take_from_word(slab, word, out + got - taken, freed - taken);
    }
    *fresh = got - freed;
    take_fresh(slab, out + *fresh, *fresh);
    slab->used += got;
    return got;
}

/* A word with a set bit, from one at random on. */
static unsigned random_word(const pki_slab *slab, uint64_t random)
{
    unsigned words = (slab->fresh + 63) / 64;
    unsigned word = (unsigned)((random >> 32) * words >> 32);
    while (pki_bits_get(&slab->bits[word]) == 0) {
        word = word + 1 == words ? 0 : word + 1;
    }
    return word;
}

void *pki_slab_take_random(pki_slab *slab, uint64_t random)
{
    void *p;
    if (slab->fresh == slab->used) {
        take_fresh(slab, &p + 1, 1);
    } else {
        unsigned word = random_word(slab, random);
        uint64_t all = pki_bits_get(&slab->bits[word]);
        uint64_t above = all & (~UINT64_C(0) << (random & 63));
        uint64_t bit = UINT64_C(1) << pki_count_trailing_zeros(above != 0 ? above : all);
        pki_bits_put(&slab->bits[word], bit);
        take_from_word(slab, word, &p + 1, 1);
        pki_bits_put(&slab->bits[word], all & ~bit);
    }
    slab->used++;
    return p;
}

int64_t pki_slab_block_number(const pki_slab *slab, const void *p)
{
    size_t offset = (size_t)((uintptr_t)p - (uintptr_t)slab->base);
    unsigned number = pki_block_index(slab, offset);
    bool starts = (size_t)number * slab->block_size == offset && number < slab->fresh;
    return starts ? (int64_t)number : -1;
}

/* Those of the blocks of a word that cannot come home. */
static uint64_t not_to_be_put(const pki_slab *slab, unsigned word, pki_was was)
{
    pki_bits *home = &slab->bits[word];
    bool looks = PKI_BLOCKS_ARE_LOOKED_AT && slab->marked && was == PKI_WAS_HELD;
    return pki_bits_get(home) | (looks ? pki_bits_get(pki_idle_of(home)) : 0);
}

pki_put_result pki_slab_put(pki_slab *slab, const void *p, pki_was was)
{
    int64_t number = pki_slab_block_number(slab, p);
    if (pki_unlikely(number < 0)) {
        return PKI_PUT_NOT_A_BLOCK;
    }
    unsigned word = (unsigned)number / 64;
    uint64_t bit = UINT64_C(1) << ((unsigned)number % 64);
    if (pki_unlikely((not_to_be_put(slab, word, was) & bit) != 0)) {
        return PKI_PUT_FREE_ALREADY;
    }
    pki_bits_put(&slab->bits[word], pki_bits_get(&slab->bits[word]) | bit);
    slab->used--;
    if (word < slab->hint) {
        slab->hint = word;
    }
    return PKI_PUT_DONE;
}

/* Programs often free in the order in which they allocated, or in the reverse: how many of the blocks
 * lie side by side, upwards or downwards, with their bits in the same word as the first one's?
 * *lowest is the first one's number, and becomes the lowest's. */
static inline unsigned count_neighbours(const pki_slab *slab, void *const *blocks, unsigned n,
                                        unsigned *lowest)
{
    uintptr_t step = n < 2 ? 0 : (uintptr_t)blocks[1] - (uintptr_t)blocks[0];
    bool downwards = step == -(uintptr_t)slab->block_size;
    if (step != slab->block_size && !downwards) {
        return 1;
    }
    unsigned bit = *lowest % 64;
    size_t room = downwards ? bit + 1 : pki_min(64 - bit, slab->fresh - *lowest);
    unsigned most = (unsigned)pki_min(n, room);
    unsigned count = 1;
    while (count < most && (uintptr_t)blocks[count] - (uintptr_t)blocks[count - 1] == step) {
        count++;
    }
    *lowest -= downwards ? count - 1 : 0;
    return count;
}

/* Puts the first block and its neighbours. Returns how many; 0: one of them cannot be put. */
static inline unsigned put_neighbours(pki_slab *slab, void *const *blocks, unsigned n, pki_was was)
{
    int64_t number = pki_slab_block_number(slab, blocks[0]);
    if (pki_unlikely(number < 0)) {
        return 0;
    }
    unsigned lowest = (unsigned)number;
    unsigned count = count_neighbours(slab, blocks, n, &lowest);
    uint64_t mask = pki_mask_range(lowest % 64, count);
    pki_bits *home = &slab->bits[lowest / 64];
    if (pki_unlikely((not_to_be_put(slab, lowest / 64, was) & mask) != 0)) {
        return 0;
    }
    pki_bits_put(home, pki_bits_get(home) | mask);
    slab->used -= count;
    slab->hint = (uint32_t)pki_min(slab->hint, lowest / 64);
    return count;
}

unsigned pki_slab_put_run(pki_slab *slab, void *const *blocks, unsigned n, pki_was was,
                          pki_put_result *result)
{
    unsigned done = 0;
    unsigned step = 1;
    while (done < n && step > 0 && pki_is_same_slab(blocks[done], slab->base)) {
        step = put_neighbours(slab, blocks + done, n - done, was);
        done += step;
    }
    if (done > 0) {
        return done;
    }
    *result = pki_slab_put(slab, blocks[0], was);
    return *result == PKI_PUT_DONE;
}
