/* SPDX-License-Identifier: MIT
 * measure.h: the rounds of a comparison.
 */
#ifndef POOLKIT_TOOL_MEASURE_H
#define POOLKIT_TOOL_MEASURE_H

#include "files.h"
#include "result.h"

typedef enum pki_output { PKI_OUTPUT_FIRST, PKI_OUTPUT_ALL, PKI_OUTPUT_NONE } pki_output;

typedef struct pki_plan {
    const char *path;     /* of the command */
    const char *counter;  /* the counting shim, or NULL: do not count */
    const char *baseline; /* preloaded for the first row, or NULL */
    pki_output output;
    int output_to; /* descriptor that the command's output goes to */
    pki_input input;
} pki_plan;

/* Fills the rows of the result. 0, or an exit code of ours or of a signal to us. */
int pki_measure(const pki_plan *plan, pki_result *result);

/* counts.c: adds what the shim wrote to a folder to a row; false when there is nothing. */
bool pki_counts_read(const char *folder, pki_row *row);

/* progress.c: one line on standard error, if that is a terminal, which erase takes back. */
void pki_progress_start(size_t total);
void pki_progress_step(const char *stage, const char *name);
void pki_progress_erase(void);

#endif
