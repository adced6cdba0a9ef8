/* SPDX-License-Identifier: MIT
 * checked.c: see checked.h. Taking, freeing and resizing; the lanes and the quarantine are in lane.c. */
#include "heap/checked.h"

#include <errno.h>
#include <string.h>

#include "heap/heap_internal.h"
#include "heap/lane.h"
#include "os/pages.h"
#include "slab/fault.h"
#include "slab/watched.h"

_Atomic bool pki_any_checked;

void pki_checked_init(pk_heap *heap, pki_mode mode)
{
    heap->checked.mode = mode;
    if (mode == PKI_MODE_FAST) {
        return;
    }
    pki_block_key_init();
    heap->space.checked = true;
    heap->space.gap = mode == PKI_MODE_DEBUG ? PKI_GAP_DEBUG : PKI_GAP_HARDENED;
    heap->space.guard = pki_os_page_size();
    atomic_store_explicit(&pki_any_checked, true, memory_order_relaxed);
}

static pk_heap *heap_of(const pki_place *place) { return (pk_heap *)place->space; }

bool pki_checked_has(const pki_place *place)
{
    return place->space != NULL && place->space->checked;
}

pki_block pki_checked_block(const pki_place *place, void *p)
{
    bool debug = heap_of(place)->checked.mode == PKI_MODE_DEBUG;
    return pki_block_at(p, place->usable + (debug ? PKI_CANARY_DEBUG : 0), debug);
}

/* ---- taking ---- */

enum { SAMPLE_EVERY = 1024 }; /* such a block takes a slab's addresses and two pages of memory */

size_t pki_checked_sample(pk_heap *heap, size_t n)
{
    if (heap->checked.mode != PKI_MODE_DEBUG || !pki_space_is_flexible(&heap->space) ||
        atomic_fetch_add_explicit(&heap->checked.taken, 1, memory_order_relaxed) % SAMPLE_EVERY !=
            SAMPLE_EVERY - 1) {
        return 0;
    }
    size_t page = pki_os_page_size();
    return pki_align_up(n, page) + page;
}

static char *end_of(const pki_place *place, void *p)
{
    return (char *)p + place->usable + place->space->gap;
}

static bool is_guarded(const pki_place *place)
{
    return place->kind == PKI_PLACE_RUN ? place->slab->guarded : place->large->guarded;
}

static void set_guarded(const pki_place *place, bool guarded)
{
    if (place->kind == PKI_PLACE_RUN) {
        place->slab->guarded = guarded;
    } else {
        place->large->guarded = guarded;
    }
}

/* The page behind the last one of a run or a large block. If it cannot be had, the canary remains. */
static void guard_end(const pki_place *place, void *p)
{
    set_guarded(place, pki_space_is_flexible(place->space) &&
                           pki_os_shut(end_of(place, p), place->space->guard));
}

void pki_checked_dress(void *p, size_t n, const void *site)
{
    pki_place place = pki_place_of(p);
    pki_block b = pki_checked_block(&place, p);
    if (place.kind != PKI_PLACE_CLASS) {
        pki_block_clear(&b);
        guard_end(&place, p);
    }
    pki_block_dress(&b, n, site);
}

/* ---- what a call finds at an address ---- */

void pki_checked_report(const pki_place *place, const pki_block *b, pk_fault_kind kind,
                        const char *call, const size_t *n)
{
    const pki_block_record *record = pki_block_record_of(b);
    pki_fault_block block = {.n = n == NULL ? 0 : *n};
    if (b->debug && n != NULL) {
        block.allocated_at = record->allocated_at;
        block.freed_at = record->freed_at;
    }
    pki_fault_tell(&(pki_fault){.kind = kind,
                                .pool_name = place->space->name,
                                .ptr = b->p,
                                .call = call,
                                .block = n == NULL ? NULL : &block});
}

/* Without the lock under which blocks are handed out: perhaps one that never was. */
static bool starts_class_block(const pki_slab *slab, const void *p)
{
    size_t offset = (size_t)((uintptr_t)p - (uintptr_t)slab->base);
    unsigned number = pki_block_index(slab, offset);
    return (size_t)number * slab->block_size == offset && number < slab->capacity;
}

static bool starts_block(const pki_place *place, const void *p)
{
    return place->kind == PKI_PLACE_RUN || place->kind == PKI_PLACE_LARGE ||
           (place->kind == PKI_PLACE_CLASS && starts_class_block(place->slab, p));
}

/* A word that says nothing: overwritten; or, if the slab has the block, purged or never written. */
static pk_fault_kind judge_damaged(const pki_place *place, const void *p)
{
    if (place->kind != PKI_PLACE_CLASS || pki_owner_is_block(place->word, p)) {
        return PK_FAULT_OVERRUN;
    }
    return pki_slab_block_number(place->slab, p) >= 0 ? PK_FAULT_DOUBLE_FREE : PK_FAULT_NOT_A_BLOCK;
}

/* Is there a block in use and whole? Then b and *n are what it is; else that was reported. */
static bool expect_live(const pki_place *place, void *p, const char *call, pki_block *b, size_t *n)
{
    if (!starts_block(place, p)) {
        pki_place report_as = *place;
        report_as.kind = place->kind == PKI_PLACE_CLASS ? PKI_PLACE_INSIDE : place->kind;
        pki_place_report(&report_as, p, PKI_SPACE_OF_HEAP);
        return false;
    }
    *b = pki_checked_block(place, p);
    switch (pki_block_look(b, n)) {
    case PKI_BLOCK_LIVE:
        if (pki_block_is_whole(b, *n)) {
            return true;
        }
        pki_checked_report(place, b, PK_FAULT_OVERRUN, call, n);
        return false;
    case PKI_BLOCK_FREED:
        pki_checked_report(place, b, PK_FAULT_DOUBLE_FREE, call, n);
        return false;
    default:
        pki_checked_report(place, b, judge_damaged(place, p), call, NULL);
        return false;
    }
}

size_t pki_checked_usable(const pki_place *place, const void *p)
{
    size_t n;
    if (!starts_block(place, p)) {
        return 0;
    }
    pki_block b = pki_checked_block(place, (void *)(uintptr_t)p);
    return pki_block_look(&b, &n) == PKI_BLOCK_LIVE ? n : 0;
}

/* ---- freeing ---- */

/* The program's bytes that stay readable in quarantine: all, or, once the pages before it are shut, those
 * on the record's page. */
static char *poisoned_from(const pki_block *b, bool shut)
{
    return shut ? (char *)pki_align_down((uintptr_t)pki_block_record_of(b), pki_os_page_size())
                : b->p;
}

/* How much of a block is filled if its pages cannot be shut. */
static const size_t POISON_MAX = PKI_CLASS_MAX;

static size_t poisoned_size(const pki_block *b, const char *from, size_t n)
{
    size_t before = (size_t)(from - b->p);
    return before >= n ? 0 : pki_min(n - before, POISON_MAX);
}

/* Shuts the whole pages of a run or a large block; false: it has none, or the system refuses. */
static bool shut_pages(const pki_place *place, const pki_block *b)
{
    char *end = poisoned_from(b, true);
    return place->kind != PKI_PLACE_CLASS && end > b->p && pki_space_is_flexible(place->space) &&
           pki_os_shut(b->p, (size_t)(end - b->p));
}

/* A class's block keeps its memory; pages that are shut keep addresses only, of which there is a bound
 * of 64 bytes for each byte of the quarantine's. */
static uint32_t weight_of(const pki_block *b, bool shut)
{
    return (uint32_t)pki_min(shut ? b->room / 64 : b->room, UINT32_MAX);
}

/* May the caller say that the block has this size? */
static bool is_size_of(const pki_block *b, size_t n, size_t said)
{
    return said == SIZE_MAX || pki_max(said, 1) == n || (said < n && b->room - n == PKI_SLACK_MAX);
}

void pki_checked_free(const pki_place *place, void *p, const pki_release *release)
{
    pki_block b;
    size_t n;
    int saved_errno = errno;
    if (!expect_live(place, p, release->call, &b, &n)) {
        errno = saved_errno;
        return;
    }
    if (!is_size_of(&b, n, release->n)) {
        pki_checked_report(place, &b, PK_FAULT_WRONG_SIZE, release->call, &n);
    } else if (!pki_block_claim(&b, n, release->site)) {
        pki_checked_report(place, &b, PK_FAULT_DOUBLE_FREE, release->call,
                           &n); /* by two threads at once */
    } else {
        bool shut = shut_pages(place, &b);
        char *from = poisoned_from(&b, shut);
        pki_poison(from, poisoned_size(&b, from, n));
        pki_lane_put(place, &b, &(pki_quarantined){p, place->usable, weight_of(&b, shut), shut});
    }
    errno = saved_errno;
}

/* ---- leaving the quarantine ---- */

static bool is_untouched(const pki_block *b, bool shut, size_t *n)
{
    if (pki_block_look(b, n) != PKI_BLOCK_FREED) {
        *n = SIZE_MAX;
        return false;
    }
    const char *from = poisoned_from(b, shut);
    bool canary_is_shut = b->p + *n < from;
    return pki_is_poison(from, poisoned_size(b, from, *n)) &&
           (canary_is_shut || pki_block_is_whole(b, *n));
}

/* False: the system refuses. */
static bool open_pages(const pki_place *place, const pki_block *b, bool shut)
{
    if (place->kind == PKI_PLACE_CLASS) {
        return true;
    }
    if (is_guarded(place) && pki_os_open(end_of(place, b->p), place->space->guard)) {
        set_guarded(place, false);
    }
    return !is_guarded(place) &&
           (!shut || pki_os_open(b->p, (size_t)(poisoned_from(b, true) - b->p)));
}

bool pki_checked_leave(const pki_quarantined *entry)
{
    void *p = entry->p;
    size_t n;
    pki_place place = pki_place_of(p);
    pki_block b = pki_checked_block(&place, p);
    if (!is_untouched(&b, entry->shut, &n)) {
        pki_checked_report(&place, &b, PK_FAULT_USE_AFTER_FREE, "reuse", n == SIZE_MAX ? NULL : &n);
        return true;
    }
    if (!open_pages(&place, &b, entry->shut)) {
        return false;
    }
    if (place.kind == PKI_PLACE_CLASS) {
        pki_owner_put_home(pki_owner_by_word(place.word), &p, 1, PKI_WAS_HELD);
    } else if (place.kind == PKI_PLACE_RUN) {
        pki_space_give_run(place.space, place.slab);
    } else {
        pki_space_give_large(place.space, place.large);
    }
    return true;
}

/* ---- resizing ---- */

bool pki_checked_resize(const pki_place *place, void *p, size_t n, const void *site)
{
    size_t old_n;
    n = pki_max(n, 1);
    if (!starts_block(place, p)) {
        return false;
    }
    pki_block b = pki_checked_block(place, p);
    if (pki_block_look(&b, &old_n) != PKI_BLOCK_LIVE || !pki_block_is_whole(&b, old_n)) {
        return false;
    }
    if (n <= place->usable) {
        pki_block_dress(&b, n, site);
    }
    return n <= place->usable;
}

void *pki_checked_realloc(const pki_place *place, void *p, size_t n, const void *site)
{
    pki_block b;
    size_t old_n;
    if (!expect_live(place, p, "realloc", &b, &old_n)) {
        errno = EINVAL;
        return NULL;
    }
    if (n > PTRDIFF_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    n = pki_max(n, 1);
    if (n <= place->usable && n > place->usable / 2) { /* as a plain block */
        pki_block_dress(&b, n, site);
        return p;
    }
    int saved_errno = errno;
    bool shrinks = n <= old_n;
    void *to = pki_heap_alloc_slow(
        heap_of(place),
        (pki_request){.n = n, .align = PK_ALIGN, .optional = shrinks, .site = site});
    if (to != NULL) {
        memcpy(to, p, pki_min(n, old_n));
        pki_checked_free(place, p, &(pki_release){"realloc", site, SIZE_MAX});
    } else if (shrinks) {
        errno = saved_errno;
        pki_block_dress(&b, n, site);
        return p;
    }
    return to;
}
