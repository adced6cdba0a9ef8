/* SPDX-License-Identifier: MIT
 * attacks_write.c: bytes outside of a block in use are written or read. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attack.h"

enum { ROW = 48 };

static char *row[ROW];

/* Neighbours, of which every other one is free. */
static void make_row(size_t size)
{
    for (size_t i = 0; i < ROW; i++) row[i] = block(size, 0x11);
}

static void free_row(void)
{
    for (size_t i = 0; i < ROW; i++) free(row[i]);
}

/* Did the bytes of another block in use change? */
static int row_is_changed(const char *except, size_t size)
{
    int changed = 0;
    for (size_t i = 0; i < ROW; i++) {
        for (size_t at = 0; at < size && row[i] != except; at++) changed |= row[i][at] != 0x11;
    }
    return changed;
}

/* ---- over the end, and before the beginning ---- */

static void overflow(size_t size, ptrdiff_t from, size_t n)
{
    make_row(size);
    char *victim = row[ROW / 2];
    memset(unknown(victim + from), 0x42, n);
    int changed = row_is_changed(victim, size);
    free_row(); /* a canary is looked at now */
    look_for_harm(size);
    verdict(changed ? SILENT : HARMLESS);
}

static void over_by_1(size_t size) { overflow(size, (ptrdiff_t)size, 1); }
static void over_by_8(size_t size) { overflow(size, (ptrdiff_t)size, 8); }
static void over_by_16(size_t size) { overflow(size, (ptrdiff_t)size, 16); }
static void over_by_64(size_t size) { overflow(size, (ptrdiff_t)size, 64); }
static void over_by_a_page(size_t size) { overflow(size, (ptrdiff_t)size, 4096); }
static void before_by_1(size_t size) { overflow(size, -1, 1); }
static void before_by_8(size_t size) { overflow(size, -8, 8); }
static void before_by_16(size_t size) { overflow(size, -16, 16); }
static void before_by_64(size_t size) { overflow(size, -64, 64); }

static void over_usable(size_t size)
{
    make_row(size);
    char *victim = row[ROW / 2];
    memset(unknown(victim + malloc_usable_size(victim)), 0x42, 8);
    int changed = row_is_changed(victim, size);
    free_row();
    look_for_harm(size);
    verdict(changed ? SILENT : HARMLESS);
}

static void over_far(size_t size)
{
    char *p = block(size, 0x11);
    for (size_t at = size; at < (size_t)64 << 20; at++) ((volatile char *)p)[at] = 0x42;
    free(p);
    look_for_harm(size);
    verdict(SILENT);
}

static void over_an_empty_one(size_t size)
{
    char *p = unknown(malloc(0)), *q = unknown(malloc(0));
    memset(unknown(p), 0x42, 24);
    free(p);
    free(q);
    look_for_harm(size);
}

/* The neighbour is free: what other allocators keep there are links. */
static void over_a_free_neighbour(size_t size)
{
    make_row(size);
    for (size_t i = 0; i < ROW; i += 2) free(row[i]);
    uintptr_t target = (uintptr_t)&row[0];
    never_hand_out(row, sizeof row);
    for (size_t i = 1; i < ROW; i += 2) {
        uintptr_t links[4] = {target, target, target, target};
        memcpy(unknown(row[i] + malloc_usable_size(row[i])), links, sizeof links);
    }
    look_for_harm(size);
}

/* ---- reads ---- */

static void read_over_by_64(size_t size)
{
    make_row(size);
    volatile char sum = 0;
    for (size_t at = size; at < size + 64; at++) sum = (char)(sum + row[ROW / 2][at]);
    verdict(SILENT);
}

static void read_far(size_t size)
{
    char *p = block(size, 1);
    volatile char sum = 0;
    for (size_t at = size; at < (size_t)64 << 20; at += 64) sum = (char)(sum + p[at]);
    verdict(SILENT);
}

static void read_after_free(size_t size)
{
    char *p = block(size, 0x37), *q = block(size, 1);
    free(p);
    free(q);
    const char *stale = unknown(p);
    verdict(stale[size / 2] == 0x37 ? SILENT : HARMLESS);
}

static void stale_data(size_t size)
{
    char *p = block(size, 0x37);
    free(p);
    const char *q = unknown(malloc(size));
    for (size_t at = 0; at < size; at++) {
        if (q[at] == 0x37) verdict(SILENT);
    }
}

/* ---- writes to a free block ---- */

static void write_after_free(size_t size, size_t at, size_t n)
{
    make_row(size);
    for (size_t i = 0; i < ROW; i++) free(row[i]);
    memset((char *)unknown(row[ROW / 2]) + at, 0x42, n);
    look_for_harm(size);
    for (size_t i = 0; i < 60; i++) make_row(size), free_row(); /* a quarantine moves on */
    verdict(SILENT);
}

static void write_to_its_begin(size_t size) { write_after_free(size, 0, 8); }
static void write_to_its_middle(size_t size) { write_after_free(size, size / 2, 8); }
static void write_all_of_it(size_t size) { write_after_free(size, 0, size); }

static void write_after_realloc(size_t size)
{
    char *p = block(size, 1), *barrier = block(size, 2);
    char *moved = unknown(realloc(p, size * 8));
    if (moved == p) verdict(HARMLESS);
    keep_in_use(barrier, size);
    memset(unknown(p), 0x42, size);
    look_for_harm(size);
    verdict(SILENT);
}

/* The attacker has a stale pointer, and writes an address into a freed block that he wants to be given. */
static void poison_links(size_t size, uintptr_t (*link)(uintptr_t at, uintptr_t target))
{
    static char target[8192] __attribute__((aligned(4096)));
    never_hand_out(target, sizeof target);
    make_row(size);
    for (size_t i = 0; i < ROW; i++) free(row[i]);
    for (size_t i = 0; i < ROW; i++) {
        uintptr_t *p = unknown(row[i]);
        for (size_t word = 0; word < 4 && word < size / sizeof *p; word++) {
            p[word] = link((uintptr_t)p, (uintptr_t)target + 4096);
        }
    }
    look_for_harm(size);
}

static uintptr_t plain(uintptr_t at, uintptr_t target) { return (void)at, target; }
static uintptr_t keyed_by_place(uintptr_t at, uintptr_t target) { return at >> 12 ^ target; }
static uintptr_t nothing(uintptr_t at, uintptr_t target) { return (void)at, (void)target, 0; }
static uintptr_t to_itself(uintptr_t at, uintptr_t target) { return (void)target, at; }

static void link_to_the_attacker(size_t size) { poison_links(size, plain); }
static void keyed_link(size_t size) { poison_links(size, keyed_by_place); }
static void link_to_nothing(size_t size) { poison_links(size, nothing); }
static void link_to_itself(size_t size) { poison_links(size, to_itself); }

static void one_byte_of_a_link(size_t size)
{
    make_row(size);
    for (size_t i = 0; i < ROW; i++) free(row[i]);
    for (size_t i = 0; i < ROW; i++) *(unsigned char *)unknown(row[i]) ^= 0x10;
    look_for_harm(size);
}

/* What stands in front of the block is somebody's header in many allocators. */
static void words_before_it(size_t size)
{
    make_row(size);
    for (size_t i = 0; i < ROW; i++) {
        uintptr_t *before = unknown(row[i] - 16);
        before[0] = before[1] = 0x4242424242424242u;
    }
    free_row();
    look_for_harm(size);
    verdict(SILENT);
}

/* Where the allocator keeps its records, if it finds them by masking a block's address. */
static void masked_header(size_t size, size_t mask)
{
    char *p = block(size, 1);
    char *head = (char *)((uintptr_t)p & ~(mask - 1));
    unsigned char there;
    if (mincore(head, 4096, &there) != 0 || head + 4096 > p) verdict(NOT_POSSIBLE);
    memset(unknown(head), 0, 256);
    free(p);
    look_for_harm(size);
    verdict(SILENT);
}

static void header_at_4_mib(size_t size) { masked_header(size, (size_t)4 << 20); }
static void header_at_64_kib(size_t size) { masked_header(size, (size_t)64 << 10); }

static void run_code(size_t size)
{
    unsigned char *p = block(size, 0);
    p[0] = 0xC3; /* ret */
    void (*call)(void);
    memcpy(&call, &p, sizeof call);
    call();
    verdict(EXPLOITABLE);
}

const attack attacks_write[] = {
    {"over the end by 1", "overflow", over_by_1},
    {"over the end by 8", "overflow", over_by_8},
    {"over the end by 16", "overflow", over_by_16},
    {"over the end by 64", "overflow", over_by_64},
    {"over the end by a page", "overflow", over_by_a_page},
    {"over the usable size", "overflow", over_usable},
    {"64 MiB over the end", "overflow", over_far},
    {"into an empty block", "overflow", over_an_empty_one},
    {"before it by 1", "underflow", before_by_1},
    {"before it by 8", "underflow", before_by_8},
    {"before it by 16", "underflow", before_by_16},
    {"before it by 64", "underflow", before_by_64},
    {"read over the end by 64", "read", read_over_by_64},
    {"read 64 MiB over the end", "read", read_far},
    {"read after free", "read", read_after_free},
    {"what was there before", "read", stale_data},
    {"write after free: its begin", "write after free", write_to_its_begin},
    {"write after free: its middle", "write after free", write_to_its_middle},
    {"write after free: all of it", "write after free", write_all_of_it},
    {"write after realloc moved it", "write after free", write_after_realloc},
    {"over the end of a free neighbour", "records", over_a_free_neighbour},
    {"a link to the attacker's memory", "records", link_to_the_attacker},
    {"the same, keyed by the place", "records", keyed_link},
    {"a link to nothing", "records", link_to_nothing},
    {"a link to itself", "records", link_to_itself},
    {"one byte of a link", "records", one_byte_of_a_link},
    {"16 bytes before 48 blocks", "records", words_before_it},
    {"the head at 4 MiB", "records", header_at_4_mib},
    {"the head at 64 KiB", "records", header_at_64_kib},
    {"code in a block", "other", run_code},
    {NULL, NULL, NULL},
};
