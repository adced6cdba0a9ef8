/* SPDX-License-Identifier: MIT
 * pages.h: memory from the operating system, in pages. All addresses and sizes are multiples of
 * the page size, which is read at run time. No call touches errno when it succeeds; a failure
 * leaves everything as it was and is told to the caller, who decides.
 *
 * A range is reserved (addresses only), committed (readable and writable, zero on first touch),
 * purged (contents gone, memory back to the system, still committed) or released (gone). */
#ifndef PKI_OS_PAGES_H
#define PKI_OS_PAGES_H

#include <stdbool.h>
#include <stddef.h>

size_t pki_os_page_size(void);

/* Addresses of `size` bytes at a multiple of `align` (a power of two); NULL if there are none. */
void *pki_os_reserve(size_t size, size_t align);

/* The same, committed at once. */
void *pki_os_map(size_t size, size_t align);

bool pki_os_commit(void *p, size_t size);
bool pki_os_purge(void *p, size_t size);
bool pki_os_release(void *p, size_t size);

/* Makes a committed range inaccessible: a touch is a fault. pki_os_commit takes it back. */
bool pki_os_guard(void *p, size_t size);

/* The same for many ranges, each taken back by pki_os_open with the same bounds; their memory goes back to
 * the system, what they held is lost. Where the kernel can (Linux 6.13), without a mapping for each;
 * elsewhere for 16,384 ranges at once, a quarter of the mappings that a process may have by default. */
bool pki_os_shut(void *p, size_t size);
bool pki_os_open(void *p, size_t size);

/* Asks for (or forbids) transparent huge pages in a range; advice only. */
bool pki_os_huge_pages(void *p, size_t size, bool wanted);

/* Has /proc/PID/maps show a name for the range: advice only, kept when it is moved or extended. At most
 * 79 printable characters, none of []\$`. The system copies it. False: it does not know names. */
bool pki_os_name(void *p, size_t size, const char *name);

/* Makes a committed range longer where it is, if the addresses behind it are free. */
bool pki_os_extend(void *p, size_t old_size, size_t new_size);

/* Moves the memory of a committed range to `to`, a committed range of new_size bytes, without
 * copying; the old range is then released. */
bool pki_os_move(void *p, size_t old_size, void *to, size_t new_size);

/* The same for equal sizes, but the old range stays committed, and is zero. */
bool pki_os_move_contents(void *p, size_t size, void *to);

#endif /* PKI_OS_PAGES_H */
