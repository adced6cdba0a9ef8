/* SPDX-License-Identifier: MIT
 * elffile.h: what an ELF file says about itself, as far as preloading cares.
 */
#ifndef POOLKIT_TOOL_ELFFILE_H
#define POOLKIT_TOOL_ELFFILE_H

#include <stdbool.h>

typedef enum pki_elf_kind {
    PKI_ELF_NONE,    /* not an ELF file */
    PKI_ELF_FOREIGN, /* another word size or processor */
    PKI_ELF_BROKEN,  /* headers that point outside the file */
    PKI_ELF_OURS,
} pki_elf_kind;

typedef struct pki_elf {
    pki_elf_kind kind;
    bool shared;         /* ET_DYN: a library, or a position-independent program */
    char loader[128];    /* PT_INTERP, empty in a static program and in a library */
    char allocator[128]; /* a library it is linked with that is known to bring a malloc, or empty */
} pki_elf;

/* False with errno set when the file cannot be read. */
bool pki_elf_read(const char *path, pki_elf *out);

#endif
