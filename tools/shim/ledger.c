/* SPDX-License-Identifier: MIT
 * ledger.c: the figures of one process, kept in the file that the tool reads afterwards.
 *
 * Live bytes are exact: what was requested, block by block. The resident heap is sampled: all
 * anonymous resident memory of the process, less what it had at the start, less the shim's table.
 * It is looked at whenever 1/64 of the peak (at least 256 KiB) has been allocated or freed since
 * the last time, and at the end; so the peak may be missed by a percent or two.
 */
#include "process.h"
#include "record.h"
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SAMPLE_STEP ((uint64_t)256 * 1024)
#define LEAST_GROWTH ((uint64_t)64 * 1024)

static pki_count_record *_Atomic record;
static char directory[512];
static atomic_flag starting = ATOMIC_FLAG_INIT;
static atomic_flag sampling = ATOMIC_FLAG_INIT;
static _Atomic uint64_t traffic;
static uint64_t heap_at_start;
static uint64_t about_at_exact; /* the quick figure when the exact one was taken */

static _Atomic uint32_t *_Atomic same_process;

static void raise_to(_Atomic uint64_t *peak, uint64_t value)
{
    uint64_t seen = atomic_load_explicit(peak, memory_order_relaxed);
    while (value > seen && !atomic_compare_exchange_weak(peak, &seen, value)) {}
}

/* The exact figure is taken only when the quick one has grown since the last exact one. */
static void sample(pki_count_record *r, bool last)
{
    if (atomic_flag_test_and_set(&sampling)) {
        return;
    }
    uint64_t about = pki_resident_about();
    uint64_t growth = about_at_exact / 128 > LEAST_GROWTH ? about_at_exact / 128 : LEAST_GROWTH;
    if (last ? about + 4 * growth >= about_at_exact : about >= about_at_exact + growth) {
        about_at_exact = about > about_at_exact ? about : about_at_exact;
        uint64_t now = pki_resident_exact(about), own = pki_live_bytes() + heap_at_start;
        raise_to(&r->peak_heap, now > own ? now - own : 0);
    }
    atomic_flag_clear(&sampling);
}

static pki_count_record *open_record(void)
{
    char path[sizeof directory + 64];
    int fd = -1;
    for (int n = 0; fd < 0 && n < 1000; n++) {
        snprintf(path, sizeof path, "%s/%ld.%d", directory, (long)getpid(), n);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST) {
            return NULL;
        }
    }
    if (fd < 0) {
        return NULL;
    }
    void *page = MAP_FAILED;
    if (ftruncate(fd, PKI_COUNT_FILE_BYTES) == 0) {
        page = mmap(NULL, PKI_COUNT_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    close(fd);
    if (page == MAP_FAILED) {
        return NULL;
    }
    pki_count_record *r = page;
    r->pid = (uint64_t)getpid();
    r->magic = PKI_COUNT_MAGIC;
    return r;
}

void pki_hook_start(void)
{
    const char *wanted = getenv(PKI_COUNT_DIR);
    if (!wanted || strlen(wanted) >= sizeof directory || atomic_flag_test_and_set(&starting)) {
        return;
    }
    int saved = errno;
    memcpy(directory, wanted, strlen(wanted) + 1);
    _Atomic uint32_t *mark = pki_word_cleared_by_fork();
    if (mark) {
        atomic_store(mark, 1);
        atomic_store(&same_process, mark);
    }
    heap_at_start = pki_resident_exact(pki_resident_about());
    atomic_store(&record, open_record());
    errno = saved;
}

/* The child of a fork owns a copy of every live block and starts its own record with them. */
static void begin_child(void)
{
    pki_count_record *parent = atomic_load(&record);
    pki_live_after_fork();
    atomic_flag_clear(&sampling);
    about_at_exact = 0;
    int saved = errno;
    pki_count_record *mine = open_record();
    errno = saved;
    if (mine && parent) {
        uint64_t live = atomic_load(&parent->live);
        atomic_store(&mine->live, live);
        atomic_store(&mine->peak_live, live);
    }
    atomic_store(&record, mine);
    atomic_store(atomic_load(&same_process), 1);
}

static pki_count_record *current(void)
{
    pki_count_record *r = atomic_load_explicit(&record, memory_order_acquire);
    _Atomic uint32_t *mark = atomic_load_explicit(&same_process, memory_order_relaxed);
    if (r && mark && !atomic_load_explicit(mark, memory_order_relaxed)) {
        begin_child();
        r = atomic_load(&record);
    }
    return r;
}

static void note_traffic(pki_count_record *r, size_t size)
{
    uint64_t peak = atomic_load_explicit(&r->peak_live, memory_order_relaxed);
    uint64_t step = peak / 64 > SAMPLE_STEP ? peak / 64 : SAMPLE_STEP;
    if (atomic_fetch_add(&traffic, size) + size >= step) {
        int saved = errno;
        atomic_store(&traffic, 0);
        sample(r, false);
        errno = saved;
    }
}

static void add_live(pki_count_record *r, void *block, size_t size)
{
    if (!pki_live_add((uintptr_t)block, size)) {
        atomic_fetch_add(&r->untracked, 1);
        return;
    }
    raise_to(&r->peak_live, atomic_fetch_add(&r->live, size) + size);
}

void *pki_hook_comes(enum trace_op op, void *block, size_t size, size_t align,
                     const uintptr_t *frame)
{
    (void)op, (void)align, (void)frame;
    pki_count_record *r = current();
    if (r) {
        atomic_fetch_add(&r->allocations, 1);
        atomic_fetch_add(&r->requested, size);
        add_live(r, block, size);
        note_traffic(r, size);
    }
    return block;
}

static void note_free(pki_count_record *r, void *block)
{
    size_t size = 0;
    atomic_fetch_add(&r->frees, 1);
    if (pki_live_remove((uintptr_t)block, &size)) {
        note_traffic(r, size);
        atomic_fetch_sub(&r->live, size);
    }
}

void pki_hook_goes(enum trace_op op, void *block, size_t told, const uintptr_t *frame)
{
    (void)op, (void)told, (void)frame;
    pki_count_record *r = current();
    if (r) {
        note_free(r, block);
    }
}

void pki_hook_moves(pki_moving *moving, const uintptr_t *frame)
{
    (void)frame;
    moving->known = current() && pki_live_remove((uintptr_t)moving->block, &moving->old_size);
}

void pki_hook_moved(const pki_moving *moving, void *moved, const uintptr_t *frame)
{
    (void)frame;
    pki_count_record *r = current();
    size_t size = moving->size, old = moving->old_size;
    if (!r) {
        return;
    }
    if (!moved) {
        if (moving->known) {
            pki_live_add((uintptr_t)moving->block, old);
            if (size == 0) {
                note_free(r, moving->block);
            }
        }
        return;
    }
    atomic_fetch_add(&r->reallocs, 1);
    atomic_fetch_add(&r->requested, size > old ? size - old : 0);
    if (moving->known) {
        atomic_fetch_sub(&r->live, old);
    }
    add_live(r, moved, size);
    note_traffic(r, size);
}

__attribute__((constructor)) static void start(void) { pki_hook_start(); }

__attribute__((destructor)) static void finish(void)
{
    pki_count_record *r = current();
    if (r) {
        sample(r, true);
    }
}
