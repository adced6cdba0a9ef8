/* SPDX-License-Identifier: MIT
 * record.h: what the counting shim tells the command line tool about one process.
 *
 * The shim keeps one record per process in a small file of its own, mapped shared, and updates it
 * in place: so the figures survive every kind of end, _exit and SIGKILL included. The tool names
 * the directory in POOLKIT_COUNT_DIR and reads all the files when the program has ended.
 */
#ifndef POOLKIT_SHIM_RECORD_H
#define POOLKIT_SHIM_RECORD_H

#include <stdatomic.h>
#include <stdint.h>

#define PKI_COUNT_DIR "POOLKIT_COUNT_DIR"
#define PKI_COUNT_MAGIC UINT64_C(0x31746e756f636b70) /* "pkcount1" */
#define PKI_COUNT_FILE_BYTES 4096

typedef struct pki_count_record {
    uint64_t magic;
    uint64_t pid;
    _Atomic uint64_t allocations;
    _Atomic uint64_t frees;
    _Atomic uint64_t reallocs;
    _Atomic uint64_t requested; /* bytes, over the whole life of the process */
    _Atomic uint64_t live;      /* requested bytes of the blocks not yet freed */
    _Atomic uint64_t peak_live;
    _Atomic uint64_t peak_heap; /* resident anonymous bytes above those at the start */
    _Atomic uint64_t untracked; /* blocks that found no room in the table of live blocks */
} pki_count_record;

#endif
