/* SPDX-License-Identifier: MIT
 * watch_none.c: watch.h where no memory checker can look on. */
#include "os/watch.h"

bool pki_watched(void) { return false; }

void pki_watch_hide(const void *p, size_t n) { (void)p, (void)n; }

void pki_watch_show(const void *p, size_t n, bool defined) { (void)p, (void)n, (void)defined; }

void pki_watch_begin(const void *pool) { (void)pool; }

void pki_watch_end(const void *pool) { (void)pool; }

void pki_watch_alloc(const void *pool, const void *p, size_t n, bool defined)
{
    (void)pool, (void)p, (void)n, (void)defined;
}

void pki_watch_free(const void *pool, const void *p, size_t n) { (void)pool, (void)p, (void)n; }
