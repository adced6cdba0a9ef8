/* SPDX-License-Identifier: MIT
 * audit_test.c: breaks each numbered invariant of src/slab/README.md on purpose, in a heap with
 * blocks of all kinds, two threads and an orphan: the audit must name it, and be content again
 * when the damage is undone. */
#include "build.h"
#include "owner_fixture.h"
#include "pages_fixture.h"
#include "runner.h"
#include "slab/report.h"

enum { EACH = 70, STACKED = 5, MEDIUM = 60 };

static helper other;
static batch of_other, of_orphan, of_me;
static void *blocks[3][EACH];
static void *medium[MEDIUM];
static char *run, *large;
static pki_owner *me;

/* -- a heap with everything in it -- */

static void make_slabs(void)
{
    of_me = (batch){.heap = heap, .block = blocks[0], .n = EACH, .size = 600};
    of_orphan = (batch){.heap = heap, .block = blocks[1], .n = EACH, .size = 300};
    of_other = (batch){.heap = heap, .block = blocks[2], .n = EACH, .size = 700};
    batch_alloc(&of_me);
    helper_hire(&other);
    helper_do(&other, batch_alloc, &of_other);
    in_a_thread(batch_alloc, &of_orphan);
    for (size_t i = 0; i < MEDIUM; i++) medium[i] = pk_heap_alloc(heap, 9000);
    for (size_t i = 2; i < MEDIUM; i++) pk_heap_free(medium[i]);
    for (size_t i = 0; i < EACH; i += 2) pk_heap_free(blocks[0][i]);
    me = owner_of_me(heap);
    pki_owner_flush(me);
}

static void setup(void)
{
    heap_setup();
    make_slabs();
    void *freed = pk_heap_alloc(heap, 300000);
    run = pk_heap_alloc(heap, 200000);
    large = pk_heap_alloc(heap, 3 * MIB);
    EXPECT(freed && run && large && pk_heap_alloc(heap, 2 * MIB));
    pk_heap_free(pk_heap_alloc(heap, 5 * MIB));
    pk_heap_free(freed);
    void *first[STACKED];
    for (size_t i = 0; i < STACKED; i++) first[i] = pk_heap_alloc(heap, 50);
    for (size_t i = 0; i < STACKED; i++) pk_heap_free(first[i]);
    EXPECT(of_orphan.owner->thread == NULL && me->n_spare > 0);
    EXPECT(stacked(me, pki_class_of(50)) > STACKED && heap->space.dirty_slabs > 0);
    heap_is_sound(heap);
}

static void teardown(void)
{
    heap_teardown();
    helper_dismiss(&other);
}

/* A slab of mine with free, used and fresh blocks, none of them in a stack. */
static pki_slab *my_slab(void)
{
    pki_slab *slab = pki_slab_of(blocks[0][1]);
    EXPECT(owner_of_block(blocks[0][1]) == me && slab->listed && slab->fresh < slab->capacity);
    EXPECT(slab->used > 1 && slab->used < slab->fresh && stacked(me, slab->bin) == 0);
    return slab;
}

static pki_bin_list *my_stack(void) { return &me->list[pki_class_of(50)]; }

/* -- breaking -- */

static void is_broken(const char *number)
{
    char text[256] = "";
    size_t broken = pk_heap_audit(heap, text, sizeof text);
    ck_assert_uint_ge(broken, 1);
    ck_assert_msg(strncmp(text, number, 2) == 0 && text[2] == ':',
                  "%s was broken, the audit says: %s", number, text);
    ck_assert_uint_eq(pk_heap_audit(heap, NULL, 0), broken); /* the audit itself changes nothing */
}

/* Writes `bad` over a field and looks, then undoes it and looks. */
#define BREAK(number, field, bad)                                                                  \
    do {                                                                                           \
        __typeof__(field) sound = (field);                                                         \
        (field) = (bad);                                                                           \
        is_broken(number);                                                                         \
        (field) = sound;                                                                           \
        heap_is_sound(heap);                                                                       \
    } while (0)

static void break_word(const char *number, void *p, uint32_t bad)
{
    uint32_t kept = pki_word_at(p);
    pki_word_set(pki_chunk_of(p), pki_slab_number(p), bad);
    is_broken(number);
    pki_word_set(pki_chunk_of(p), pki_slab_number(p), kept);
    heap_is_sound(heap);
}

static void *free_slab(void)
{
    pki_chunk *chunk = pki_chunk_of(run);
    EXPECT(chunk->free != 0);
    return (char *)chunk + (size_t)pki_count_trailing_zeros(chunk->free) * PKI_SLAB_SIZE;
}

/* -- chunks -- */

/* C1: every chunk on a space's list is in the registry, and its head names that space. */
START_TEST(audit_finds_C1)
{
    pki_space stranger = {0};
    pki_chunk *chunk = pki_chunk_of(run);
    BREAK("C1", chunk->space, NULL);
    BREAK("C1", chunk->space, &stranger);
    pki_registry_remove(chunk);
    is_broken("C1");
    pki_registry_add(chunk);
    heap_is_sound(heap);
}
END_TEST

/* C2: the head's word is the head's; free slabs, and only those, have the free word. */
START_TEST(audit_finds_C2)
{
    pki_chunk *chunk = pki_chunk_of(run);
    break_word("C2", chunk, PKI_WORD_FREE);
    break_word("C2", chunk, me->key);
    break_word("C2", blocks[0][1], PKI_WORD_FREE);
    break_word("C2", run, PKI_WORD_FREE);
    break_word("C2", free_slab(), PKI_WORD_SPARE);
    break_word("C2", free_slab(), me->key);
    BREAK("C2", chunk->free, chunk->free | 1);
}
END_TEST

/* C3: dirty slabs are free slabs. */
START_TEST(audit_finds_C3)
{
    pki_chunk *chunk = pki_chunk_of(run);
    EXPECT(chunk->dirty != 0);
    BREAK("C3", chunk->dirty, chunk->dirty | UINT64_C(1) << pki_slab_number(blocks[0][1]));
    BREAK("C3", chunk->dirty, chunk->dirty | UINT64_C(1) << pki_slab_number(run));
    BREAK("C3", chunk->dirty, chunk->dirty | 1);
}
END_TEST

/* C4: a chunk stands on the lists for its longest runs of free and of dirty slabs. */
START_TEST(audit_finds_C4)
{
    pki_space *space = &heap->space;
    pki_chunk *chunk = pki_chunk_of(run);
    BREAK("C4", chunk->free_run, chunk->free_run + 1);
    BREAK("C4", chunk->dirty_run, chunk->dirty_run - 1);
    BREAK("C4", chunk->dirty_run, 0);
    BREAK("C4", space->by_free.first[chunk->free_run], NULL);
    BREAK("C4", space->by_dirty.first[chunk->dirty_run], NULL);
}
END_TEST

/* C5: a run's first slab says how many follow, and exactly those have the word for the rest. */
START_TEST(audit_finds_C5)
{
    pki_slab *first = pki_slab_of(run);
    EXPECT(first->capacity == 4);
    BREAK("C5", first->capacity, 5);
    BREAK("C5", first->capacity, 3);
    BREAK("C5", first->capacity, 0);
    break_word("C5", run + PKI_SLAB_SIZE, PKI_WORD_RUN);
    break_word("C5", run + 3 * PKI_SLAB_SIZE, PKI_WORD_LARGE);
    break_word("C5", run, PKI_WORD_LARGE);
}
END_TEST

/* -- slabs -- */

/* S1: a slab's word names its owner and its class, and the class's size is the slab's. */
START_TEST(audit_finds_S1)
{
    pki_slab *slab = my_slab();
    BREAK("S1", slab->block_size, slab->block_size + 16);
    BREAK("S1", slab->capacity, (uint32_t)(slab->capacity - 1));
    BREAK("S1", slab->bin, (uint8_t)(slab->bin + 1));
    break_word("S1", blocks[0][1], (me->key ^ 0x40000000u) | slab->bin * 16u);
    break_word("S1", blocks[0][1], me->key | (slab->bin + 1u) * 16u);
    break_word("S1", blocks[0][1], me->key | 0xFF00u);
}
END_TEST

/* S2: the used, the free and the fresh blocks of a slab add up to its capacity. */
START_TEST(audit_finds_S2)
{
    pki_slab *slab = my_slab();
    BREAK("S2", slab->used, (uint32_t)(slab->used + 1));
    BREAK("S2", slab->used, (uint32_t)(slab->used - 1));
    BREAK("S2", slab->fresh, (uint32_t)(slab->fresh + 1));
    pki_bits *bits = pki_slab_bits(slab);
    BREAK("S2", bits[0], bits[0] & (bits[0] - 1));
}
END_TEST

/* S3: no block that was never used is marked free; one that is free is not, so that S2 holds. */
START_TEST(audit_finds_S3)
{
    pki_slab *slab = my_slab();
    pki_bits *bits = pki_slab_bits(slab);
    unsigned last = slab->capacity - 1u;
    uint64_t kept = bits[last / 64], bit = UINT64_C(1) << (last % 64);
    EXPECT(bits[0] != 0 && last >= slab->fresh);
    if (last / 64 == 0) {
        BREAK("S3", bits[0], (kept & (kept - 1)) | bit);
        return;
    }
    bits[last / 64] |= bit;
    uint64_t lowest = bits[0] & -bits[0];
    bits[0] &= ~lowest;
    is_broken("S3");
    bits[0] |= lowest;
    bits[last / 64] = kept;
    heap_is_sound(heap);
}
END_TEST

/* S4: no free block lies below the hint. */
START_TEST(audit_finds_S4)
{
    pki_slab *slab = my_slab();
    EXPECT(pki_slab_bits(slab)[0] != 0);
    BREAK("S4", slab->hint, 1);
    BREAK("S4", slab->hint, 63);
}
END_TEST

/* S5: a slab is on its owner's list of the class exactly if it has room. */
START_TEST(audit_finds_S5)
{
    pki_slab *slab = my_slab();
    pki_bin_list *list = &me->list[slab->bin];
    BREAK("S5", slab->listed, false);
    BREAK("S5", list->first, NULL);
    pki_slab *whole = pki_slab_of(medium[0]); /* make one without room */
    while (pki_slab_has_room(whole)) EXPECT(pk_heap_alloc(heap, 9000));
    EXPECT(!whole->listed);
    BREAK("S5", whole->listed, true);
    list = &me->list[whole->bin];
    pki_slab *next = list->first;
    whole->next = next;
    whole->listed = true;
    list->first = whole;
    is_broken("S5");
    list->first = next;
    whole->listed = false;
    heap_is_sound(heap);
}
END_TEST

/* -- spaces -- */

/* P1: a space's sums are the sums over its chunks and large blocks. */
START_TEST(audit_finds_P1)
{
    pki_space *space = &heap->space;
    BREAK("P1", space->n_chunks, space->n_chunks + 1);
    BREAK("P1", space->dirty_slabs, space->dirty_slabs + 1);
    BREAK("P1", space->used, space->used - PKI_SLAB_SIZE);
    BREAK("P1", space->used, space->used + 1);
    BREAK("P1", space->n_large, 1);
    BREAK("P1", space->large, space->large->next);
}
END_TEST

/* P2: the least number of dirty slabs is not above the present one; also seen by the check. */
START_TEST(audit_finds_P2)
{
    pki_space *space = &heap->space;
    size_t kept = space->dirty_least;
    space->dirty_least = space->dirty_slabs + 1;
    EXPECT(!pk_heap_check(heap));
    space->dirty_least = kept;
    BREAK("P2", space->dirty_least, space->dirty_slabs + 1);
    BREAK("P2", space->dirty_least, SIZE_MAX);
}
END_TEST

/* L1: a large block's head says so: registry, word, address inside its mapping. */
START_TEST(audit_finds_L1)
{
    pki_large *head = pki_large_at(large);
    pki_chunk *chunk = pki_chunk_of(head);
    BREAK("L1", head->usable, head->usable + 1);
    BREAK("L1", head->usable, SIZE_MAX / 2);
    BREAK("L1", head->block, head->block + 16);
    BREAK("L1", head->block, (char *)chunk);
    BREAK("L1", head->mapped, head->usable);
    BREAK("L1", chunk->space, NULL);
    break_word("L1", chunk, PKI_WORD_HEAD);
    pki_registry_remove(chunk);
    is_broken("L1");
    pki_registry_add(chunk);
    heap_is_sound(heap);
}
END_TEST

/* L2: a large block's pieces begin at its head, ascend and end inside its mapping. */
START_TEST(audit_finds_L2)
{
    pki_large *head = pki_large_at(large), *freed = heap->space.large_cache;
    EXPECT(head->n_pieces == 1 && freed);
    BREAK("L2", head->n_pieces, 0);
    BREAK("L2", head->n_pieces, 2); /* the second begins where the first does */
    BREAK("L2", head->n_pieces, PKI_LARGE_PIECES + 1);
    BREAK("L2", head->piece[0], 4096);
    BREAK("L2", freed->piece[0], freed->mapped);
    head->piece[1] = head->mapped;
    BREAK("L2", head->n_pieces, 2);
    head->piece[1] = head->mapped - 4096;
    head->n_pieces = 2;
    heap_is_sound(heap);
    head->n_pieces = 1;
}
END_TEST

/* L3: large_used and large_cached are the sums over the blocks in use and over the freed ones. */
START_TEST(audit_finds_L3)
{
    pki_space *space = &heap->space;
    BREAK("L3", space->large_used, space->large_used + 1);
    BREAK("L3", space->large_cached, space->large_cached - 1);
    BREAK("L3", space->large_cache, NULL);
}
END_TEST

/* -- owners -- */

static void break_top(const char *number, pki_bin *bin, void **bad)
{
    void **kept = atomic_load(&bin->top);
    atomic_store(&bin->top, bad);
    is_broken(number);
    atomic_store(&bin->top, kept);
    heap_is_sound(heap);
}

/* O1: below a stack's base lies NULL, and base <= top <= end. */
START_TEST(audit_finds_O1)
{
    pki_bin_list *list = my_stack();
    pki_bin *bin = &pki_bins(me)[pki_class_of(50)];
    BREAK("O1", list->base[-1], run);
    BREAK("O1", bin->end, bin->end + 1);
    BREAK("O1", bin->end, pki_bin_end(list->base));
    break_top("O1", bin, list->base - 1);
    break_top("O1", bin, list->base + list->capacity + 1);
}
END_TEST

/* O2: each stacked block is a block of this owner and class. */
START_TEST(audit_finds_O2)
{
    void **slot = &my_stack()->base[2];
    static char foreign[64];
    BREAK("O2", *slot, NULL);
    BREAK("O2", *slot, foreign);
    BREAK("O2", *slot, (char *)*slot + 16);
    BREAK("O2", *slot, blocks[0][1]); /* of another class */
    BREAK("O2", *slot, blocks[2][0]); /* of another owner */
    BREAK("O2", *slot, run);          /* of none          */
    BREAK("O2", *slot, (char *)pki_chunk_of(*slot) + 64 * KIB - 64);
    pki_slab *slab = pki_slab_of(*slot);
    BREAK("O2", *slot, pki_slab_base(slab) + slab->fresh * slab->block_size); /* never used */
}
END_TEST

/* O3: no block is free twice: in a stack twice, or in a stack and in its slab; a stack's are idle. */
START_TEST(audit_finds_O3)
{
    pki_bin_list *list = my_stack();
    BREAK("O3", list->base[0], list->base[1]);
    BREAK("O3", list->base[STACKED - 1], list->base[0]);
    pki_slab *slab = pki_slab_of(list->base[0]);
    pki_bits *bits = pki_slab_bits(slab);
    int64_t number = pki_slab_block_number(slab, list->base[0]);
    EXPECT(number >= 0 && number < 64);
    bits[0] |= UINT64_C(1) << number;
    char text[256];
    EXPECT(pk_heap_audit(heap, text, sizeof text) > 0 && strncmp(text, "O3", 2) == 0);
    bits[0] &= ~(UINT64_C(1) << number);
    heap_is_sound(heap);
    BREAK("O3", bits[PKI_BITMAP_WORDS], bits[PKI_BITMAP_WORDS] & ~(UINT64_C(1) << number));
}
END_TEST

/* O4: spare slabs have their word, and the owners' counts agree with the chunks. */
START_TEST(audit_finds_O4)
{
    EXPECT(me->n_spare > 0 && of_other.owner->n_spare == 0);
    break_word("O4", pki_slab_base(me->spare[0]), PKI_WORD_LARGE);
    BREAK("O4", me->n_spare, (uint8_t)(me->n_spare - 1));
    BREAK("O4", me->spare[0], my_slab());
    of_other.owner->spare[0] = me->spare[0]; /* one slab, two owners */
    BREAK("O4", of_other.owner->n_spare, 1);
}
END_TEST

/* O5: an orphan's stacks and outbox are empty. */
START_TEST(audit_finds_O5)
{
    pki_owner *orphan = of_orphan.owner;
    unsigned cls = pki_class_of(of_orphan.size);
    orphan->list[cls].base[0] = blocks[1][0];
    break_top("O5", &pki_bins(orphan)[cls], orphan->list[cls].base + 1);
    atomic_store(&orphan->mail_blocks, 1);
    is_broken("O5");
    atomic_store(&orphan->mail_blocks, 0);
    heap_is_sound(heap);
    BREAK("O5", of_me.owner->thread, NULL); /* mine, made an orphan, has a stack */
}
END_TEST

/* -- the two functions themselves -- */

START_TEST(text_is_cut)
{
    heap->space.n_chunks++;
    for (size_t size = 1; size < 12; size++) {
        char text[16];
        memset(text, '#', sizeof text);
        EXPECT(pk_heap_audit(heap, text, size) == 1);
        EXPECT_AT(memcmp(text, "P1: a space", size - 1) == 0 && text[size - 1] == '\0', size, 0);
        EXPECT_AT(text[size] == '#', size, 0);
    }
    char untouched = '#';
    EXPECT(pk_heap_audit(heap, &untouched, 0) == 1 && untouched == '#');
    heap->space.n_chunks--;
}
END_TEST

START_TEST(each_damage_is_counted)
{
    heap->space.n_chunks++;
    my_slab()->hint = 63;
    of_orphan.owner->mail_blocks = 1;
    EXPECT_AT(pk_heap_audit(heap, NULL, 0) == 3, pk_heap_audit(heap, NULL, 0), 3);
    heap->space.n_chunks--;
    my_slab()->hint = 0;
    of_orphan.owner->mail_blocks = 0;
}
END_TEST

static void check_without_chunks(void *unused)
{
    (void)unused;
    for (pki_chunk *chunk = heap->space.all.next; chunk;) {
        pki_chunk *next = chunk->all.next;
        EXPECT(pki_os_guard(chunk, PKI_CHUNK_SIZE));
        chunk = next;
    }
    EXPECT(pki_os_guard(pki_chunk_of(large), MIB));
    EXPECT(pk_heap_check(heap));
}

/* The check is O(1): it reads no chunk, which are out of reach here. */
START_TEST(check_reads_no_chunk) { ends_well(check_without_chunks, NULL); }
END_TEST

static TCase *audit_case(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, setup, teardown);
    return tcase;
}

static Suite *make_suite(void)
{
    Suite *suite = suite_create("audit");
    ADD_CASE(suite, audit_case("chunks"), 10, audit_finds_C1, audit_finds_C2, audit_finds_C3,
             audit_finds_C4, audit_finds_C5);
    ADD_CASE(suite, audit_case("slabs"), 10, audit_finds_S1, audit_finds_S2, audit_finds_S3,
             audit_finds_S4, audit_finds_S5);
    ADD_CASE(suite, audit_case("spaces"), 10, audit_finds_P1, audit_finds_P2, audit_finds_L1,
             audit_finds_L2, audit_finds_L3);
    ADD_CASE(suite, audit_case("owners"), 10, audit_finds_O1, audit_finds_O2, audit_finds_O3,
             audit_finds_O4, audit_finds_O5);
    ADD_CASE(suite, audit_case("itself"), 10, text_is_cut, each_damage_is_counted,
             check_reads_no_chunk);
    return suite;
}

TEST_MAIN(make_suite)
