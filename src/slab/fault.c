/* SPDX-License-Identifier: MIT
 * fault.c: see fault.h. The wording of each fault is in one table. */
#include "slab/fault.h"

#include "base/attr.h"
#include "base/text.h"
#include "os/lock.h"
#include "os/process.h"

static struct {
    pki_lock lock;
    pk_fault_fn *fn;
    void *arg;
} handler;

void pk_on_fault(pk_fault_fn *fn, void *arg)
{
    pki_lock_take(&handler.lock);
    handler.fn = fn;
    handler.arg = arg;
    pki_lock_give(&handler.lock);
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
    }
    return "unknown fault";
}

static void print_and_abort(const char *line)
{
    char text[240];
    pki_text out = pki_text_begin(text, sizeof text);
    pki_text_string(&out, line);
    pki_text_string(&out, "\n");
    pki_os_write_error(text, (size_t)(out.at - text));
    pki_os_abort();
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
}

PKI_COLD void pki_fault_tell(const pki_fault *fault)
{
    char line[200];
    write_line(fault, line, sizeof line);
    pki_lock_take(&handler.lock);
    pk_fault_fn *fn = handler.fn;
    void *arg = handler.arg;
    pki_lock_give(&handler.lock);
    if (fn == NULL) {
        print_and_abort(line);
    } else {
        fn(&(pk_fault){.size = sizeof(pk_fault),
                       .kind = fault->kind,
                       .ptr = fault->ptr,
                       .pool_name = fault->pool_name,
                       .text = line},
           arg);
    }
}

void pki_fault_report(pk_fault_kind kind, const char *pool_name, const void *p)
{
    pki_fault_tell(&(pki_fault){.kind = kind, .pool_name = pool_name, .ptr = p});
}
