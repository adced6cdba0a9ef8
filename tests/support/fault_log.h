/* SPDX-License-Identifier: MIT
 * fault_log.h: a fault handler that writes down what it was told and lets the program go on. */
#ifndef TEST_FAULT_LOG_H
#define TEST_FAULT_LOG_H

#include <poolkit/fault.h>
#include <stdio.h>

typedef struct {
    unsigned count; /* calls since it was cleared; the rest is of the last one */
    pk_fault_kind kind;
    const void *ptr;
    uint32_t size;
    size_t block_size;
    const void *allocated_at;
    const void *freed_at;
    char pool[64];
    char text[256];
} fault_log;

static inline void fault_log_add(const pk_fault *fault, void *arg)
{
    fault_log *log = arg;
    log->count++;
    log->kind = fault->kind;
    log->ptr = fault->ptr;
    log->size = fault->size;
    log->block_size = fault->block_size;
    log->allocated_at = fault->allocated_at;
    log->freed_at = fault->freed_at;
    snprintf(log->pool, sizeof log->pool, "%s", fault->pool_name ? fault->pool_name : "(null)");
    snprintf(log->text, sizeof log->text, "%s", fault->text ? fault->text : "(null)");
}

#endif /* TEST_FAULT_LOG_H */
