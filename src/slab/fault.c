/* SPDX-License-Identifier: MIT
 * fault.c: see fault.h. The wording of each fault is in one table. */
#include "slab/fault.h"

#include "base/attr.h"
#include "base/text.h"
#include "os/probe.h"
#include "os/process.h"

static struct {
    pki_lock lock;
    pk_fault_fn *fn;
    void *arg;
    uint64_t faults; /* told so far */
} handler;

pki_faults pki_fault_policy;

enum { LINES_MAX = 100 }; /* printed while faults only are reported; then they are only counted */

pki_lock *pki_fault_lock(void) { return &handler.lock; }

void pk_on_fault(pk_fault_fn *fn, void *arg)
{
    pki_lock_take(&handler.lock);
    handler.fn = fn;
    handler.arg = arg;
    pki_lock_give(&handler.lock);
}

uint64_t pk_fault_count(void)
{
    pki_lock_take(&handler.lock);
    uint64_t count = handler.faults;
    pki_lock_give(&handler.lock);
    return count;
}

static const char *describe(pk_fault_kind kind)
{
    switch (kind) {
    case PK_FAULT_DOUBLE_FREE:
        return "the block is free already";
    case PK_FAULT_NOT_A_BLOCK:
        return "not the start of a block";
    case PK_FAULT_FOREIGN:
        return "not from any pool";
    case PK_FAULT_OTHER_POOL:
        return "belongs to ";
    case PK_FAULT_ENDED:
        return "the pool has ended";
    case PK_FAULT_BUSY:
        return "its pool is inside a callback";
    case PK_FAULT_WRONG_SIZE:
        return "not a size of its block";
    case PK_FAULT_CORRUPT:
        return "poolkit's own records are damaged";
    case PK_FAULT_OVERRUN:
        return "the block was written beyond its end";
    case PK_FAULT_USE_AFTER_FREE:
        return "the block was written after it was freed";
    }
    return "unknown fault";
}

static void print(const char *line)
{
    char text[420];
    pki_text out = pki_text_begin(text, sizeof text);
    pki_text_string(&out, line);
    pki_text_string(&out, "\n");
    pki_os_write_error(text, (size_t)(out.at - text));
}

/* Without a handler of the program's. `number` counts the faults from 1. */
static void follow_policy(const char *line, uint64_t number)
{
    if (pki_fault_policy != PKI_FAULTS_REPORT || number <= LINES_MAX) {
        print(line);
    }
    if (pki_fault_policy == PKI_FAULTS_REPORT) {
        return;
    }
    if (pki_fault_policy == PKI_FAULTS_TRAP) {
        pki_os_trap();
    }
    pki_os_abort();
}

/* "; 32 bytes, allocated at program+0x1234, freed at program+0x1250", as far as it is known. */
static void write_block(pki_text *out, const pki_fault_block *block)
{
    pki_text_string(out, "; ");
    pki_text_number(out, block->n);
    pki_text_string(out, block->n == 1 ? " byte" : " bytes");
    if (block->allocated_at != NULL) {
        pki_text_string(out, ", allocated at ");
        pki_os_place_text(out, block->allocated_at);
    }
    if (block->freed_at != NULL) {
        pki_text_string(out, ", freed at ");
        pki_os_place_text(out, block->freed_at);
    }
}

static void write_line(const pki_fault *fault, char *line, size_t size)
{
    pki_text out = pki_text_begin(line, size);
    pki_text_string(&out, "poolkit: ");
    pki_text_string(&out, fault->pool_name);
    pki_text_string(&out, ": ");
    pki_text_string(&out, fault->call == NULL ? "free" : fault->call);
    pki_text_string(&out, " of ");
    pki_text_address(&out, fault->ptr);
    pki_text_string(&out, ": ");
    pki_text_string(&out, describe(fault->kind));
    if (fault->other != NULL) {
        pki_text_string(&out, fault->other);
    }
    if (fault->block != NULL) {
        write_block(&out, fault->block);
    }
}

PKI_COLD void pki_fault_tell(const pki_fault *fault)
{
    static const pki_fault_block nothing;
    const pki_fault_block *block = fault->block != NULL ? fault->block : &nothing;
    char line[400];
    write_line(fault, line, sizeof line);
    PKI_PROBE(fault, fault->kind, fault->pool_name, fault->ptr, &line[0]);
    pki_lock_take(&handler.lock);
    pk_fault_fn *fn = handler.fn;
    void *arg = handler.arg;
    uint64_t number = ++handler.faults;
    pki_lock_give(&handler.lock);
    if (fn == NULL) {
        follow_policy(line, number);
        return;
    }
    fn(&(pk_fault){.size = sizeof(pk_fault),
                   .kind = fault->kind,
                   .ptr = fault->ptr,
                   .pool_name = fault->pool_name,
                   .text = line,
                   .block_size = block->n,
                   .allocated_at = block->allocated_at,
                   .freed_at = block->freed_at},
       arg);
}

void pki_fault_report(pk_fault_kind kind, const char *pool_name, const void *p)
{
    pki_fault_tell(&(pki_fault){.kind = kind, .pool_name = pool_name, .ptr = p});
}
