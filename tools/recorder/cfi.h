/* SPDX-License-Identifier: MIT
 * cfi.h: what the unwind tables of a module say about one address in it.
 *
 * Of all that a table can say only what finding return addresses needs is kept: where the caller's
 * stack begins, and where its frame pointer is. In other words, for x86-64:
 *
 *      CFA ->  +----------------------+
 *              | return address       |  always at CFA - 8
 *              | ...                  |
 *              | saved rbp, perhaps   |  at CFA + 8 * rbp
 *      rsp ->  +----------------------+  CFA = rsp + offset, or rbp + offset
 */
#ifndef POOLKIT_RECORDER_CFI_H
#define POOLKIT_RECORDER_CFI_H

#include <stddef.h>
#include <stdint.h>

enum pki_cfa {
    PKI_CFA_UNKNOWN, /* no table, or one that is not understood */
    PKI_CFA_STOP,    /* the outermost frame */
    PKI_CFA_RSP,     /* rsp + offset */
    PKI_CFA_RBP,     /* rbp + offset */
    PKI_CFA_AT_RBP,  /* the word at rbp + offset */
    PKI_CFA_SIGNAL   /* a signal frame of the kernel */
};

enum pki_rbp {
    PKI_RBP_SAME,
    PKI_RBP_AT_CFA, /* saved at CFA + 8 * rbp */
    PKI_RBP_AT_RBP, /* saved at rbp + 8 * rbp */
    PKI_RBP_LOST    /* not known above this frame */
};

struct pki_rule {
    int32_t offset;
    int16_t rbp;
    uint8_t cfa;    /* enum pki_cfa */
    uint8_t rbp_at; /* enum pki_rbp */
};

/* The rule at `pc` by the .eh_frame_hdr at `header`. Nothing outside of `start` to `end`, where the
 * module lies in memory, is read. Unknown if the address has no entry. */
struct pki_rule pki_cfi_rule(const uint8_t *header, uintptr_t start, uintptr_t end, uintptr_t pc);

#endif
