/* SPDX-License-Identifier: MIT
 * process.h: what the preloaded libraries ask the kernel about the process they are in.
 *
 * All of it may be called from inside malloc: no memory is allocated, and no function is used that
 * is a cancellation point, because malloc is none. errno may change.
 */
#ifndef POOLKIT_SHIM_PROCESS_H
#define POOLKIT_SHIM_PROCESS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int pki_open(const char *path, int flags, mode_t mode);
void pki_close(int fd);
/* Up to room - 1 bytes of a file, ended by 0. Returns how many. */
size_t pki_read_text(const char *path, char *text, size_t room);

/* Resident anonymous bytes by the kernel's quick counters, which lag by some pages per processor,
 * and by a walk over the page tables, or `otherwise` where the kernel does not offer that. */
uint64_t pki_resident_about(void);
uint64_t pki_resident_exact(uint64_t otherwise);

/* A word that is 0 in the child of a fork, of whatever kind, until the child stores something
 * else: it tells whose process this is at the price of one load. NULL: no memory. */
_Atomic uint32_t *pki_word_cleared_by_fork(void);

#endif
