/* SPDX-License-Identifier: MIT
 * output.h: where reports go, and the signal that asks for one. */
#ifndef PKI_OS_OUTPUT_H
#define PKI_OS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t pki_os_process_id(void);

/* Do no threads run but the caller and those of pki_os_start_thread? False also if that cannot be told. */
bool pki_os_is_alone(void);

/* Has fn run, in a thread of its own, some time after each SIGUSR2. The signal's handler only counts and
 * wakes that thread. A handler that the program has already is left alone, and then nothing is done;
 * one that it installs later takes our place. A child of fork has a thread of its own. Once. */
bool pki_os_on_report_signal(void (*fn)(void));

/* A file for writing, made if it is not there: its descriptor, or -1. Emptied first, or appended to. */
int pki_os_open_output(const char *path, bool append);

/* Standard error, also after the program has closed it, as coreutils do before they exit: from a copy that
 * is kept at the start. -1: it was closed already, or somebody closed the copy. */
void pki_os_keep_error_output(void);
int pki_os_error_output(void);

/* False: not all of it could be written. errno is kept. */
bool pki_os_write(int descriptor, const char *text, size_t size);

void pki_os_close(int descriptor);

/* Puts the file `from` in the place of `to`, at once. */
bool pki_os_replace_file(const char *from, const char *to);

#endif /* PKI_OS_OUTPUT_H */
