/* SPDX-License-Identifier: MIT
 * files.h: what the command reads and writes, the same for each run, and temporary files.
 */
#ifndef POOLKIT_TOOL_FILES_H
#define POOLKIT_TOOL_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Standard input that every run gets from its beginning: as it is when it is a file, a copy of it
 * when it is a pipe, nothing when it is a terminal. */
typedef struct pki_input {
    int descriptor;
    off_t start;
} pki_input;

int pki_input_open(pki_input *out);
void pki_input_rewind(const pki_input *input);

/* A nameless temporary file, or -1 with the message written. */
int pki_temporary(void);
/* A new temporary folder, or NULL with the message written; and its end with all files in it. */
char *pki_temporary_folder(void);
void pki_remove_folder(const char *path);

typedef struct pki_digest {
    uint64_t bytes, hash;
} pki_digest;

/* Length and hash of all that is in a file, which is then copied to `to` (-1: not). */
pki_digest pki_drain(int descriptor, int to);

#endif
