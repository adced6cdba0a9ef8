/* SPDX-License-Identifier: MIT
 * attacks_free.c: free, realloc and malloc_usable_size of what is no block in use. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attack.h"

/* ---- twice ---- */

static void twice_at_once(size_t size)
{
    void *p = block(size, 1);
    free(p);
    free(unknown(p));
    look_for_harm(size);
}

static void twice_with_another_between(size_t size)
{
    void *p = block(size, 1), *q = block(size, 2);
    free(p);
    free(q);
    free(unknown(p));
    look_for_harm(size);
}

static void twice_far_apart(size_t size)
{
    enum { N = 8000 };
    static void *others[N];
    size_t n = size > 4096 ? 100 : N;
    for (size_t i = 0; i < n; i++) others[i] = block(size, 3);
    void *p = block(size, 1);
    free(p);
    for (size_t i = 0; i < n; i++) free(others[i]);
    free(unknown(p));
    look_for_harm(size);
}

static void twice_in_the_middle(size_t size)
{
    void *others[40];
    for (size_t i = 0; i < 40; i++) others[i] = block(size, 3);
    for (size_t i = 0; i < 40; i++) free(others[i]);
    free(unknown(others[20]));
    look_for_harm(size);
}

static void twice_clobbered(size_t size)
{
    char *p = block(size, 1), *q = block(size, 2);
    free(p);
    free(q);
    memset(unknown(p), 0xA5, size);
    free(unknown(p));
    look_for_harm(size);
}

static void twice_clobbered_far_apart(size_t size)
{
    enum { N = 4000 };
    static void *others[N];
    size_t n = size > 4096 ? 50 : N;
    for (size_t i = 0; i < n; i++) others[i] = block(size, 3);
    for (size_t i = 0; i < n; i++) free(others[i]);
    memset(unknown(others[n / 2]), 0x5A, size < 4096 ? size : 64);
    free(unknown(others[n / 2]));
    look_for_harm(size);
}

static void twice_zeroed_memory(size_t size)
{
    void *p = unknown(calloc(1, size)), *q = block(size, 2);
    free(p);
    free(q);
    free(unknown(p));
    look_for_harm(size);
}

static void twice_aligned(size_t size)
{
    void *p = unknown(memalign(256, size)), *q = unknown(memalign(256, size));
    free(p);
    free(q);
    free(unknown(p));
    look_for_harm(size);
}

static void freed_then_grown(size_t size)
{
    void *p = block(size, 1), *q = block(size, 2);
    free(p);
    free(q);
    void *grown = realloc(unknown(p), size * 2);
    if (grown != NULL) keep_in_use(grown, size * 2);
    look_for_harm(size);
}

static void freed_after_it_moved(size_t size)
{
    void *p = block(size, 1), *barrier = block(size, 2);
    void *moved = unknown(realloc(p, size * 8));
    if (moved == p) verdict(HARMLESS);
    keep_in_use(moved, size * 8);
    keep_in_use(barrier, size);
    free(unknown(p));
    look_for_harm(size);
}

static void usable_size_of_freed(size_t size)
{
    void *p = block(size, 1), *q = block(size, 2);
    free(p);
    free(q);
    size_t n = malloc_usable_size(unknown(p));
    if (n > 0 && n < (size_t)1 << 40) verdict(SILENT);
    look_for_harm(size);
}

/* ---- twice, by several threads ---- */

static void *free_it(void *p)
{
    free(unknown(p));
    return NULL;
}

static void free_elsewhere(void *p)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, free_it, p) != 0) verdict(NOT_POSSIBLE);
    pthread_join(thread, NULL);
}

static void here_then_elsewhere(size_t size)
{
    void *p = block(size, 1);
    free(p);
    free_elsewhere(p);
    look_for_harm(size);
}

static void elsewhere_then_here(size_t size)
{
    void *p = block(size, 1);
    free_elsewhere(p);
    free(unknown(p));
    look_for_harm(size);
}

static void elsewhere_twice(size_t size)
{
    void *p = block(size, 1);
    free_elsewhere(p);
    free_elsewhere(p);
    look_for_harm(size);
}

static void *free_it_twice(void *p)
{
    free(p);
    free(unknown(p));
    return NULL;
}

static void twice_in_one_other(size_t size)
{
    pthread_t thread;
    void *p = block(size, 1);
    if (pthread_create(&thread, NULL, free_it_twice, p) != 0) verdict(NOT_POSSIBLE);
    pthread_join(thread, NULL);
    look_for_harm(size);
}

static void *make_it(void *size) { return block((size_t)(uintptr_t)size, 1); }

static void of_an_ended_thread(size_t size)
{
    pthread_t thread;
    void *p = NULL;
    if (pthread_create(&thread, NULL, make_it, (void *)(uintptr_t)size) != 0) verdict(NOT_POSSIBLE);
    pthread_join(thread, &p);
    free(unknown(p));
    free(unknown(p));
    look_for_harm(size);
}

/* ---- inside a block ---- */

static void inside_by(size_t size, ptrdiff_t distance)
{
    char *before = block(size, 1), *p = block(size, 2), *behind = block(size, 3);
    keep_in_use(before, size);
    keep_in_use(p, size);
    keep_in_use(behind, size);
    free(unknown(p + distance));
    look_for_harm(size);
}

static void inside_by_1(size_t size) { inside_by(size, 1); }
static void inside_by_8(size_t size) { inside_by(size, 8); }
static void inside_by_16(size_t size) { inside_by(size, 16); }
static void in_the_middle(size_t size) { inside_by(size, (ptrdiff_t)(size / 2 & ~(size_t)15)); }
static void last_byte(size_t size) { inside_by(size, (ptrdiff_t)size - 1); }
static void before_it(size_t size) { inside_by(size, -16); }

static void on_a_page_inside(size_t size)
{
    char *p = block(size + 65536, 1);
    char *page = (char *)(((uintptr_t)p + 8192) & ~(uintptr_t)4095);
    keep_in_use(p, size + 65536);
    free(unknown(page));
    look_for_harm(4096);
}

static void behind_the_last(size_t size)
{
    char *p = block(size, 1);
    keep_in_use(p, size);
    free(unknown(p + malloc_usable_size(p)));
    look_for_harm(size);
}

static void never_handed_out(size_t size)
{
    char *p = block(size, 1);
    keep_in_use(p, size);
    size_t step = malloc_usable_size(p);
    void *slot = p + step * (size > 4096 ? 3 : 24);
    never_hand_out(p, 16);
    free(unknown(slot));
    look_for_harm(size);
}

static void realloc_inside(size_t size)
{
    char *p = block(size, 1);
    keep_in_use(p, size);
    char *moved = realloc(unknown(p + 16), size * 2);
    if (moved != NULL) keep_in_use(moved, size * 2);
    look_for_harm(size);
}

/* ---- nobody's ---- */

static char static_memory[1 << 20] __attribute__((aligned(4096)));

static void foreign(void *p, size_t size)
{
    free(unknown(p));
    look_for_harm(size);
}

static void on_the_stack(size_t size)
{
    char memory[4096] __attribute__((aligned(64))) = {0};
    never_hand_out(memory, sizeof memory);
    foreign(memory + 64, size);
}

/* In front of the address stands what other allocators take for a block's header. */
static void on_the_stack_with_a_header(size_t size)
{
    size_t memory[512] __attribute__((aligned(64))) = {0};
    for (size_t i = 0; i < 512; i += 2) memory[i + 1] = ((size + 24) & ~(size_t)15) | 1;
    never_hand_out(memory, sizeof memory);
    foreign(memory + 16, size);
}

static void static_one(size_t size)
{
    never_hand_out(static_memory, sizeof static_memory);
    foreign(static_memory + 4096, size);
}

static void constant_text(size_t size) { foreign((void *)(uintptr_t) "a constant text", size); }

static void mapped(size_t size)
{
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    never_hand_out(p, 1 << 20);
    foreign(p + 4096, size);
}

static void unmapped(size_t size)
{
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p, 1 << 20);
    foreign(p + 4096, size);
}

/* A mapping that looks like the allocator's own: its head is a copy of a true one's. */
static void mapped_like_a_chunk(size_t size)
{
    const size_t chunk = (size_t)4 << 20;
    char *p = block(size, 1);
    char *all = mmap(NULL, 3 * chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *fake = (char *)(((uintptr_t)all + chunk) & ~(chunk - 1));
    char *head = (char *)((uintptr_t)p & ~(chunk - 1));
    unsigned char there;
    if (mincore(head, 4096, &there) == 0) memcpy(fake, head, 4096);
    never_hand_out(all, 3 * chunk);
    foreign(fake + ((uintptr_t)p & (chunk - 1)), size);
}

static void code(size_t size) { foreign((void *)(uintptr_t)&code, size); }
static void code_of_libc(size_t size) { foreign((void *)(uintptr_t)&getpid, size); }
static void environment(size_t size) { foreign(environ[0], size); }
static void address_1(size_t size) { foreign((void *)(uintptr_t)1, size); }
static void address_16(size_t size) { foreign((void *)(uintptr_t)16, size); }
static void last_address(size_t size) { foreign((void *)~(uintptr_t)15, size); }

static void address_of_the_kernel(size_t size)
{
    foreign((void *)(uintptr_t)0xFFFF888000000000u, size);
}

static void no_address(size_t size) { foreign((void *)(uintptr_t)0xDEADBEEFDEADBEE0u, size); }

static void realloc_static(size_t size)
{
    char *p = realloc(unknown(static_memory + 4096), size * 2);
    if (p >= static_memory && p < static_memory + sizeof static_memory) verdict(EXPLOITABLE);
    if (p != NULL) verdict(SILENT);
    look_for_harm(size);
}

static void usable_size_of_static(size_t size)
{
    size_t n = malloc_usable_size(unknown(static_memory + 4096));
    if (n != 0) verdict(SILENT);
    look_for_harm(size);
}

/* ---- after somebody else has it ---- */

static void after_reuse(size_t size)
{
    void *p = block(size, 1);
    free(p);
    void *q = block(size, 2);
    if (q != p) verdict(HARMLESS);
    keep_in_use(q, size);
    free(unknown(p));
    look_for_harm(size);
}

const attack attacks_free[] = {
    {"twice at once", "double free", twice_at_once},
    {"twice, another between", "double free", twice_with_another_between},
    {"twice, 8,000 others between", "double free", twice_far_apart},
    {"one in the middle again", "double free", twice_in_the_middle},
    {"twice, overwritten between", "double free", twice_clobbered},
    {"twice, overwritten and far apart", "double free", twice_clobbered_far_apart},
    {"twice, of calloc", "double free", twice_zeroed_memory},
    {"twice, aligned", "double free", twice_aligned},
    {"realloc of a freed one", "double free", freed_then_grown},
    {"free after realloc moved it", "double free", freed_after_it_moved},
    {"usable size of a freed one", "double free", usable_size_of_freed},
    {"here, then elsewhere", "double free by threads", here_then_elsewhere},
    {"elsewhere, then here", "double free by threads", elsewhere_then_here},
    {"elsewhere twice", "double free by threads", elsewhere_twice},
    {"twice in one other thread", "double free by threads", twice_in_one_other},
    {"twice, of an ended thread", "double free by threads", of_an_ended_thread},
    {"inside by 1", "interior", inside_by_1},
    {"inside by 8", "interior", inside_by_8},
    {"inside by 16", "interior", inside_by_16},
    {"in the middle", "interior", in_the_middle},
    {"its last byte", "interior", last_byte},
    {"16 bytes before it", "interior", before_it},
    {"on a page inside a large one", "interior", on_a_page_inside},
    {"behind its last byte", "interior", behind_the_last},
    {"a place never handed out", "interior", never_handed_out},
    {"realloc inside", "interior", realloc_inside},
    {"stack", "foreign", on_the_stack},
    {"stack with a forged header", "foreign", on_the_stack_with_a_header},
    {"static memory", "foreign", static_one},
    {"a constant", "foreign", constant_text},
    {"mapped memory", "foreign", mapped},
    {"unmapped memory", "foreign", unmapped},
    {"a forged chunk", "foreign", mapped_like_a_chunk},
    {"code", "foreign", code},
    {"code of libc", "foreign", code_of_libc},
    {"the environment", "foreign", environment},
    {"address 1", "foreign", address_1},
    {"address 16", "foreign", address_16},
    {"the last address", "foreign", last_address},
    {"an address of the kernel", "foreign", address_of_the_kernel},
    {"no address at all", "foreign", no_address},
    {"realloc of static memory", "foreign", realloc_static},
    {"usable size of static memory", "foreign", usable_size_of_static},
    {"free after somebody else got it", "stale free", after_reuse},
    {NULL, NULL, NULL},
};
