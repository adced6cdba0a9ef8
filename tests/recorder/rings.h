/* SPDX-License-Identifier: MIT
 * rings.h: a small reader of what libpoolkit-record.so writes, for its tests. It stands where the
 * recording command stands: makes the control page, drains rings, keeps what it needs to judge.
 */
#ifndef TEST_RINGS_H
#define TEST_RINGS_H

#include "recorder/wire.h"
#include "trace/trace.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RINGS_MOST 4096
#define RING_ID 96

struct reader_ring {
    char name[RING_ID];
    struct pki_wire_ring *head;
    const uint64_t *data;
    size_t bytes;
    uint64_t thread; /* kernel's number of the one that writes now, 0 = none */
};

struct reader {
    const char *dir;
    struct pki_wire_control *control;
    struct reader_ring *rings;
    size_t count;
    uint64_t ops[TRACE_OP_END]; /* events of each kind */
    uint64_t events, gaps, threads, thread_ends, modules, modules_gone, stacks;
    uint64_t bad; /* records that are not as wire.h says */
    void (*seen)(void *context, const struct reader_ring *ring, const uint64_t *words);
    void *context;
};

static inline void *reader_map(const char *dir, const char *name, size_t *bytes)
{
    char path[1024];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return NULL;
    void *memory = MAP_FAILED;
    if (fstat(fd, &info) == 0 && info.st_size >= PKI_WIRE_PAGE) {
        *bytes = (size_t)info.st_size;
        memory = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Makes the control page of a folder that exists. */
static inline struct pki_wire_control *reader_control(const char *dir, enum pki_wire_stacks stacks)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/control", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, PKI_WIRE_PAGE)) return NULL;
    struct pki_wire_control *c =
        mmap(NULL, PKI_WIRE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (c == MAP_FAILED) return NULL;
    c->stacks = stacks;
    c->depth = PKI_WIRE_STACK_MOST;
    c->clock = PKI_CLOCK_TSC;
    c->recorder = (int32_t)getpid();
    atomic_store(&c->recording, 1);
    c->magic = PKI_WIRE_MAGIC;
    return c;
}

static inline bool reader_open(struct reader *r, const char *dir, enum pki_wire_stacks stacks)
{
    memset(r, 0, sizeof *r);
    r->dir = dir;
    r->rings = calloc(RINGS_MOST, sizeof *r->rings);
    r->control = reader_control(dir, stacks);
    return r->rings && r->control;
}

static inline bool reader_knows(const struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->rings[i].name, name) == 0) return true;
    }
    return false;
}

/* Looks for rings that are not mapped yet. */
static inline void reader_look(struct reader *r)
{
    DIR *folder = opendir(r->dir);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct reader_ring *ring = &r->rings[r->count];
        if (strncmp(entry->d_name, "tmp-", 4) == 0 || !strstr(entry->d_name, ".ring.") ||
            reader_knows(r, entry->d_name) || r->count == RINGS_MOST) {
            continue;
        }
        ring->head = reader_map(r->dir, entry->d_name, &ring->bytes);
        if (!ring->head || ring->head->magic != PKI_WIRE_MAGIC) {
            r->bad++;
            continue;
        }
        snprintf(ring->name, sizeof ring->name, "%.95s", entry->d_name);
        ring->data = (const uint64_t *)(const void *)((const char *)ring->head + PKI_WIRE_PAGE);
        r->count++;
    }
    if (folder) closedir(folder);
}

/* The words of a record that begins with `first`, `second` and the `fourth` of a module. */
static inline uint64_t record_words(uint64_t first, uint64_t second, uint64_t fifth)
{
    uint64_t kind = first & 0xff;
    if (kind < TRACE_COMES_END) return 4;
    if (kind >= TRACE_FREE && kind < TRACE_OP_END) return 3;
    switch (kind) {
    case PKI_WIRE_THREAD:
        return 4;
    case PKI_WIRE_THREAD_END:
        return 1;
    case PKI_WIRE_STACK:
        return 2 + (second >> 32);
    case PKI_WIRE_MODULE:
        return 5 + ((fifth & 0xffffffff) + (fifth >> 32) + 7) / 8;
    case PKI_WIRE_MODULE_GONE:
    case PKI_WIRE_GAP:
        return 2;
    default:
        return 0;
    }
}

static inline void reader_count(struct reader *r, struct reader_ring *ring, const uint64_t *words)
{
    uint64_t kind = words[0] & 0xff;
    if (kind < TRACE_OP_END) {
        r->ops[kind]++;
        r->events++;
        r->bad += ring->thread == 0;
    }
    switch (kind) {
    case PKI_WIRE_THREAD:
        ring->thread = words[1], r->threads++;
        break;
    case PKI_WIRE_THREAD_END:
        ring->thread = 0, r->thread_ends++;
        break;
    case PKI_WIRE_STACK:
        r->stacks++;
        break;
    case PKI_WIRE_MODULE:
        r->modules++;
        break;
    case PKI_WIRE_MODULE_GONE:
        r->modules_gone++;
        break;
    case PKI_WIRE_GAP:
        r->gaps += words[1];
        break;
    default:
        break;
    }
}

/* Takes what one ring holds. Returns how many words. */
static inline uint64_t reader_drain_ring(struct reader *r, struct reader_ring *ring)
{
    static uint64_t words[2048];
    uint64_t mask = ring->head->words - 1;
    uint64_t at = atomic_load(&ring->head->read), end = atomic_load(&ring->head->written);
    uint64_t begun = at;
    while (at < end) {
        uint64_t n = record_words(ring->data[at & mask], ring->data[(at + 1) & mask],
                                  ring->data[(at + 4) & mask]);
        if (n == 0 || n > 2048 || at + n > end) {
            r->bad++;
            at = end;
            break;
        }
        for (uint64_t i = 0; i < n; i++) words[i] = ring->data[(at + i) & mask];
        reader_count(r, ring, words);
        if (r->seen) r->seen(r->context, ring, words);
        at += n;
    }
    atomic_store(&ring->head->read, at);
    return end - begun;
}

static inline uint64_t reader_drain(struct reader *r)
{
    uint64_t words = 0;
    reader_look(r);
    for (size_t i = 0; i < r->count; i++) words += reader_drain_ring(r, &r->rings[i]);
    return words;
}

#endif
