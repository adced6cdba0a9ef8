/* SPDX-License-Identifier: MIT
 * named.c: see named.h. */
#include "pool/named.h"

#include "os/process.h"

static struct {
    pki_lock lock;
    pki_named *first;
    pki_named *last;
    bool in_fork_set;
} named;

void pki_named_add(pki_named *pool)
{
    pki_lock_take(&named.lock);
    bool first = !named.in_fork_set;
    named.in_fork_set = true;
    pool->next = NULL;
    pool->prev = named.last;
    *(named.last == NULL ? &named.first : &named.last->next) = pool;
    named.last = pool;
    pki_lock_give(&named.lock);
    if (first) {
        pki_os_hold_at_fork(&named.lock);
    }
}

void pki_named_remove(pki_named *pool)
{
    if (pool->pool == NULL) {
        return;
    }
    pki_lock_take(&named.lock);
    *(pool->prev == NULL ? &named.first : &pool->prev->next) = pool->next;
    *(pool->next == NULL ? &named.last : &pool->next->prev) = pool->prev;
    pki_lock_give(&named.lock);
    pool->pool = NULL;
}

void pki_named_visit(void (*fn)(const pki_named *named, void *arg), void *arg)
{
    pki_lock_take(&named.lock);
    for (const pki_named *pool = named.first; pool != NULL; pool = pool->next) {
        fn(pool, arg);
    }
    pki_lock_give(&named.lock);
}
