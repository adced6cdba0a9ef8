/* SPDX-License-Identifier: MIT
 * heap_oom_test.c: every call to the system fails once, and for ever from then on. After each step
 * of a script of heap calls the result is what the header promises, all blocks have their bytes
 * and the audit is content; afterwards the heap works again. */
#include "build.h"
#include "each_call.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "rss.h"
#include "runner.h"
#include "threads.h"

#include <sys/resource.h>

enum { SLOTS = 700 };

typedef struct {
    void *p;
    size_t n;
} slot;

static slot slots[SLOTS];
static size_t n_slots, refused;

static uint64_t tag_of(const slot *s) { return (uint64_t)(s - slots) + 1; }

static void look_at_all(void)
{
    for (size_t i = 0; i < n_slots; i++) {
        slot *s = &slots[i];
        if (s->p) EXPECT_AT(pattern_holds(s->p, s->n, s->n, tag_of(s)), i, s->n);
    }
}

static void sound(void)
{
    bool armed = faults_arm(false);
    look_at_all();
    heap_is_sound(heap);
    (void)heap_figures(heap);
    faults_arm(armed);
}

/* -- one step each -- */

/* Books the result of an allocation: a block, or NULL and the right errno. */
static slot *took(void *p, size_t n)
{
    if (!p) {
        EXPECT_AT(errno == ENOMEM, errno, n);
        refused++;
        return NULL;
    }
    EXPECT_AT(n_slots < SLOTS && (uintptr_t)p % PK_ALIGN == 0, n_slots, n);
    slot *s = &slots[n_slots++];
    *s = (slot){p, n};
    pattern_fill(p, n, tag_of(s));
    return s;
}

static slot *alloc(size_t n)
{
    errno = 0;
    return took(pk_heap_alloc(heap, n), n);
}

static void zalloc(size_t n)
{
    errno = 0;
    void *p = pk_heap_zalloc(heap, n);
    EXPECT_AT(!p || pattern_zero(p, n, 64 * KIB), n, 0);
    (void)took(p, n);
}

static void alloc_aligned(size_t n, size_t align)
{
    errno = 0;
    void *p = pk_heap_alloc_aligned(heap, n, align);
    EXPECT_AT((uintptr_t)p % align == 0, n, align);
    (void)took(p, n);
}

static void resize(slot *s, size_t n)
{
    if (!s) return;
    errno = 0;
    void *p = pk_heap_realloc(heap, s->p, n);
    if (p) {
        EXPECT_AT(pattern_holds(p, s->n, s->n < n ? s->n : n, tag_of(s)), s->n, n);
        *s = (slot){p, n};
        pattern_fill(p, n, tag_of(s));
        return;
    }
    EXPECT_AT(errno == ENOMEM, errno, n);
    refused++;
}

static void release(slot *s)
{
    if (!s || !s->p) return;
    EXPECT_AT(pattern_holds(s->p, s->n, s->n, tag_of(s)), s->n, 0);
    errno = 4711;
    pk_heap_free(s->p);
    EXPECT_AT(errno == 4711, errno, s->n); /* a free keeps it, whatever fails inside */
    s->p = NULL;
}

/* -- the script -- */

static void many_small(void)
{
    for (size_t n = 1; n <= 1024; n += 93) {
        for (int i = 0; i < 8; i++) (void)alloc(n);
        sound();
    }
}

static void medium_and_runs(void)
{
    for (size_t n = 1100; n <= 32768; n = n * 5 / 3) {
        (void)alloc(n);
        zalloc(n);
        sound();
    }
    slot *run = alloc(40000);
    resize(run, 300 * KIB);
    sound();
    resize(run, 70000);
    zalloc(900 * KIB);
    zalloc(100 * KIB);
    for (int i = 0; i < 5; i++) (void)alloc(MIB); /* into a second chunk */
    sound();
}

static void large_ones(void)
{
    slot *one = alloc(2 * MIB), *two = alloc(3 * MIB);
    sound();
    resize(one, 4 * MIB); /* two lies behind it, or it moves */
    sound();
    resize(two, 6 * MIB);
    sound();
    resize(two, 2 * MIB);
    sound();
    release(one);
    sound();
    zalloc(4 * MIB); /* from the cache */
    alloc_aligned(100, 64 * KIB);
    alloc_aligned(5000, 4096);
    alloc_aligned(100 * KIB, MIB);
    alloc_aligned(MIB, 16 * MIB);
    sound();
}

static void impossible(void)
{
    static const size_t sizes[] = {(size_t)1 << 47, PTRDIFF_MAX, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        volatile size_t n = sizes[i];
        EXPECT_AT(!alloc(n), n, 0);
        if (n_slots > 0) EXPECT_AT(!pk_heap_resize(slots[0].p, n), n, 0);
        sound();
    }
}

static void *free_a_third(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < n_slots; i += 3) release(&slots[i]);
    for (size_t n = 10; n < 5000; n *= 3) (void)alloc(n);
    return NULL;
}

static void remote_frees(void)
{
    pthread_t thread;
    thread_start(&thread, free_a_third, NULL);
    thread_join(thread);
    sound();
}

static void script(void)
{
    many_small();
    medium_and_runs();
    large_ones();
    impossible();
    remote_frees();
    errno = 4711;
    (void)pk_heap_trim(heap, MIB);
    EXPECT(errno == 4711);
    sound();
    for (size_t i = 1; i < n_slots; i += 2) release(&slots[i]);
    sound();
    (void)pk_heap_trim(heap, 0);
    sound();
    medium_and_runs(); /* what could not be purged is not zero */
    large_ones();
}

static void free_all(void)
{
    for (size_t i = 0; i < n_slots; i++) release(&slots[i]);
    sound();
    n_slots = 0;
    EXPECT_AT(heap_figures(heap).n_live == 0, heap_figures(heap).n_live, 0);
}

/* Every kind can be had again. */
static void works_again(void)
{
    faults_arm(false);
    size_t before = refused;
    many_small();
    medium_and_runs();
    large_ones();
    EXPECT_AT(refused == before, refused, before);
    free_all();
}

static bool make_heap(void)
{
    pk_heap *none = heap = NULL;
    pk_status status = pk_heap_create(&heap, NULL);
    EXPECT_AT(status == PK_OK || (status == PK_ENOMEM && heap == none), status, 0);
    return status == PK_OK;
}

/* The whole life of a heap under the plan. */
static void life(void)
{
    n_slots = refused = 0;
    (void)faults_arm(true);
    if (!make_heap()) {
        (void)faults_arm(false);
        EXPECT(atomic_load(&faults.fired) && make_heap());
        faults_arm(true);
    }
    script();
    free_all();
    works_again();
    faults_arm(true);
    pk_heap_destroy(heap);
    faults_arm(false);
}

/* -- each call fails -- */

static bool is_checked(void)
{
    const char *options = getenv("POOLKIT_OPTIONS");
    return options != NULL && strstr(options, "mode=") != NULL;
}

/* Sparsely in a checked heap, which takes long, and moves no pages. */
static void each_fails(call_kind kind, bool for_ever)
{
    size_t tried = each_call(life, kind, for_ever, is_checked() ? 10 : MOST_CALLS);
    EXPECT(tried > 0 || (kind == CALL_MREMAP && is_checked()));
}

START_TEST(mmap_fails_once) { each_fails(CALL_MMAP, false); }
END_TEST

START_TEST(mmap_fails_for_ever) { each_fails(CALL_MMAP, true); }
END_TEST

START_TEST(munmap_fails_once) { each_fails(CALL_MUNMAP, false); }
END_TEST

START_TEST(munmap_fails_for_ever) { each_fails(CALL_MUNMAP, true); }
END_TEST

START_TEST(madvise_fails_once) { each_fails(CALL_MADVISE, false); }
END_TEST

START_TEST(madvise_fails_for_ever) { each_fails(CALL_MADVISE, true); }
END_TEST

START_TEST(mremap_fails_once) { each_fails(CALL_MREMAP, false); }
END_TEST

START_TEST(mremap_fails_for_ever) { each_fails(CALL_MREMAP, true); }
END_TEST

START_TEST(mprotect_fails)
{
    (void)each_call(life, CALL_MPROTECT, false, MOST_CALLS);
    (void)each_call(life, CALL_MPROTECT, true, MOST_CALLS);
}
END_TEST

/* -- nothing is lost -- */

static size_t lines_of_maps(void)
{
    static char text[65536];
    size_t n = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (ssize_t got; (got = read(fd, text, sizeof text)) > 0;)
        for (ssize_t i = 0; i < got; i++) n += text[i] == '\n';
    close(fd);
    return n;
}

/* Address space and mappings stay what they are over many lives with failures. A munmap that fails
 * may cost addresses, and so may an mremap, which on older kernels has unmapped its target then; these
 * are not among them. */
static void nothing_is_lost(call_kind kind, bool for_ever)
{
    size_t lines = 0, bytes = 0;
    for (size_t i = 0; i < 30 + scaled(30); i++) {
        faults_plan(kind, 1 + i % 30, for_ever);
        life();
        if (i == 29) lines = lines_of_maps();
        if (i == 29) bytes = vm_now();
    }
    EXPECT_AT(lines_of_maps() <= lines + 2, lines_of_maps(), lines);
    EXPECT_AT(!memory_is_measurable() || vm_now() <= bytes + 64 * KIB, vm_now(), bytes);
}

START_TEST(no_addresses_are_lost)
{
    nothing_is_lost(CALL_MMAP, false);
    nothing_is_lost(CALL_MMAP, true);
    nothing_is_lost(CALL_MADVISE, false);
    nothing_is_lost(CALL_MADVISE, true);
}
END_TEST

/* The true thing: 300 MiB of address space and no more. */
static void live_in_300_mib(size_t n)
{
    static void *p[300000];
    size_t count = 0, once = 0;
    for (int round = 0; round < 2; round++) {
        for (count = 0; count < 300000; count++) {
            errno = 0;
            p[count] = pk_heap_alloc(heap, n);
            if (!p[count]) break;
            pattern_fill(p[count], n, count);
        }
        EXPECT_AT(errno == ENOMEM && count * n > 100 * MIB, count, n);
        EXPECT_AT(round == 0 || count >= once / 10 * 9, count, once); /* all came back */
        once = count;
        for (size_t i = 0; i < count; i++) {
            EXPECT_AT(pattern_holds(p[i], n, n, i), i, n);
            pk_heap_free(p[i]);
        }
        heap_is_sound(heap);
    }
}

START_TEST(limited_address_space)
{
    static const size_t sizes[] = {1000, 30000, 200 * KIB, 1500 * KIB, 30 * MIB};
    if (!memory_is_measurable()) return;
    struct rlimit limit = {300 * MIB, 300 * MIB};
    EXPECT(make_heap() && setrlimit(RLIMIT_AS, &limit) == 0);
    for (size_t i = 0; i < 5; i++) live_in_300_mib(sizes[i]);
    pk_heap_destroy(heap);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_oom");
    ADD_CASE(suite, tcase_create("calls"), 60, mmap_fails_once, mmap_fails_for_ever,
             munmap_fails_once, munmap_fails_for_ever, madvise_fails_once, madvise_fails_for_ever,
             mremap_fails_once, mremap_fails_for_ever, mprotect_fails);
    ADD_CASE(suite, tcase_create("lasting"), 60, no_addresses_are_lost, limited_address_space);
    return suite;
}

TEST_MAIN(make_suite)
