/* SPDX-License-Identifier: MIT
 * pages_none.c: pages.h where there is no operating system: nothing can be had, and what a pool has,
 * it got from its user. */
#include "os/pages.h"

size_t pki_os_page_size(void) { return 4096; }

void *pki_os_reserve(size_t size, size_t align)
{
    (void)size, (void)align;
    return NULL;
}

void *pki_os_map(size_t size, size_t align)
{
    (void)size, (void)align;
    return NULL;
}

bool pki_os_commit(void *p, size_t size)
{
    (void)p, (void)size;
    return false;
}

bool pki_os_purge(void *p, size_t size)
{
    (void)p, (void)size;
    return false;
}

bool pki_os_release(void *p, size_t size)
{
    (void)p, (void)size;
    return false;
}

bool pki_os_guard(void *p, size_t size)
{
    (void)p, (void)size;
    return false;
}

bool pki_os_shut(void *p, size_t size)
{
    (void)p, (void)size;
    return false;
}

bool pki_os_open(void *p, size_t size)
{
    (void)p, (void)size;
    return false;
}

bool pki_os_name(void *p, size_t size, const char *name)
{
    (void)p, (void)size, (void)name;
    return false;
}

bool pki_os_huge_pages(void *p, size_t size, bool wanted)
{
    (void)p, (void)size, (void)wanted;
    return false;
}

bool pki_os_extend(void *p, size_t old_size, size_t new_size)
{
    (void)p, (void)old_size, (void)new_size;
    return false;
}

bool pki_os_move(void *p, size_t old_size, void *to, size_t new_size)
{
    (void)p, (void)old_size, (void)to, (void)new_size;
    return false;
}

bool pki_os_move_contents(void *p, size_t size, void *to)
{
    (void)p, (void)size, (void)to;
    return false;
}
