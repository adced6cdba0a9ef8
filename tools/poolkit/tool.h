/* SPDX-License-Identifier: MIT
 * tool.h: what every file of the command line tool shares: exit codes, messages, memory, files.
 */
#ifndef POOLKIT_TOOL_TOOL_H
#define POOLKIT_TOOL_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#ifndef PKI_VERSION
#define PKI_VERSION "unknown"
#endif

#define PKI_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Those of env(1) and timeout(1); every other code is the command's own. */
enum { PKI_EXIT_OWN = 125, PKI_EXIT_NOT_EXECUTABLE = 126, PKI_EXIT_NOT_FOUND = 127 };

/* One line on standard error, "poolkit: ..."; fail returns the code, for `return pki_fail(...)`. */
void pki_note(const char *format, ...) PKI_PRINTF(1, 2);
int pki_fail(int code, const char *format, ...) PKI_PRINTF(2, 3);
/* A mistake in the command line: the line ends with where the help is. */
int pki_usage(const char *format, ...) PKI_PRINTF(1, 2);

/* These end the tool with PKI_EXIT_OWN when there is no memory. */
void *pki_grow(void *old, size_t n, size_t each);
char *pki_copy(const char *text);
char *pki_format(const char *format, ...) PKI_PRINTF(1, 2);

/* The last part of a path. */
const char *pki_base(const char *path);

/* libraries.c: both give an allocated absolute path, or NULL with the reason in *why. */
char *pki_find_own(const char *file, char **why);
char *pki_find_library(const char *wanted, char **why);
/* "libmimalloc.so.2" is "mimalloc". */
char *pki_short_name(const char *library);
/* The Debian package and version that brought a file, "libjemalloc2 5.3.0-1", or NULL. */
char *pki_package_of(const char *file);

/* command.c: finds a command as the shell would and makes sure that a library can be preloaded.
 * Returns 0 or an exit code, with the message already written. */
int pki_resolve(const char *command, char **path);

/* The environment with LD_PRELOAD = libraries before those already named there; up to two may be
 * NULL. `extra` is one more NAME=value, or NULL. */
char **pki_environment(const char *first, const char *second, const char *extra);

/* help.c */
void pki_help(void);
bool pki_help_on(const char *subcommand);

int pki_run_main(int argc, char **argv);
int pki_compare_main(int argc, char **argv);
int pki_summary_main(int argc, char **argv);
/* In tools/record, symbols, replay, analysis, advise, check and export; only in a command built with zstd (PKI_TRACE). */
int pki_record_main(int argc, char **argv);
int pki_symbols_main(int argc, char **argv);
int pki_dump_main(int argc, char **argv);
int pki_replay_main(int argc, char **argv);
int pki_report_main(int argc, char **argv);
int pki_advise_main(int argc, char **argv);
int pki_verify_main(int argc, char **argv);
int pki_check_main(int argc, char **argv);
int pki_export_main(int argc, char **argv);
/* run_report.c: records, replays, advises, and writes the page (NULL: named after the command). */
int pki_run_report(const char *page, int argc, char **command);

#endif
