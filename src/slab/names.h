/* SPDX-License-Identifier: MIT
 * names.h: what /proc/PID/maps says of our mappings: [anon:poolkit heap session]. One system call for
 * each mapping, when it is made; none after the first on a kernel that does not know it.
 *
 * All mappings of one space have one name, so that the kernel joins neighbours as it does without, and
 * moves and extends them alike. */
#ifndef PKI_SLAB_NAMES_H
#define PKI_SLAB_NAMES_H

#include <stddef.h>

/* The pages at `p` are called "poolkit KIND NAME"; name may be "". Does nothing under names=off. */
void pki_name_pages(void *p, size_t size, const char *kind, const char *name);

#endif /* PKI_SLAB_NAMES_H */
