/* SPDX-License-Identifier: MIT
 * stats.h: one struct of figures for every kind of pool. All of them are bytes unless the name
 * begins with n_. One equation always holds:
 *
 *     committed == live + free_in_chunks + untouched + overhead
 *
 * A snapshot taken while other threads allocate is correct for some moment of each thread.
 *
 * Example: what the process heap has, for people and for programs.
 *
 *     static bool print(void *file, const char *text, size_t n)
 *     {
 *         return fwrite(text, 1, n, file) == n;
 *     }
 *
 *     int main(void)
 *     {
 *         pk_stats stats;
 *         pk_heap_stats(pk_heap_process(), &stats);
 *         return pk_stats_text(&stats, print, stdout) && pk_stats_json(&stats, print, stdout) ? 0 : 1;
 *     }
 */
#ifndef POOLKIT_STATS_H
#define POOLKIT_STATS_H

#include <poolkit/common.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t size;           /* sizeof this struct, set by the library                          */
    const char *name;        /* the pool's name                                                 */
    uint64_t live;           /* in blocks that the program holds, rounded as they were given    */
    uint64_t free_in_chunks; /* freed, reusable by this pool, perhaps resident                  */
    uint64_t untouched;      /* never handed out since it came from the system: not resident    */
    uint64_t overhead;       /* the pool's own records, and space too small for a block         */
    uint64_t committed;      /* address space with memory behind it on demand: the sum of these */
    uint64_t committed_peak; /* the most `committed` was when it was asked for                  */
    uint64_t limit;          /* the byte limit, 0 = none                                        */
    uint64_t pinned_by_live; /* of free_in_chunks and untouched: in slabs or chunks that a block in
                              * use keeps from going back                                       */
    uint64_t n_live;         /* blocks that the program holds                                   */
    uint64_t n_chunks;       /* chunks and separate mappings                                    */
    uint64_t n_owners;       /* threads that have, or once had, a record here                   */
} pk_stats;

/* ---- as text ---- */

/* Takes the next `n` bytes of a text, which end in no NUL. false: it cannot, and is not called again. */
typedef bool pk_write_fn(void *arg, const char *text, size_t n);

/* One JSON object on one line, without a newline: every member but `size` under its own name, figures
 * as integers. A name's bytes that are not UTF-8 become U+FFFD; a name of NULL becomes null. false:
 * `write` returned it, and the text is not complete. Allocates nothing. */
PK_API bool pk_stats_json(const pk_stats *stats, pk_write_fn *write, void *arg);

/* A table of nine lines for people, each ending in a newline: sizes in units of 1024, and what part of
 * `committed` they are. Control characters in the name become '?'. false: as above. Allocates
 * nothing. */
PK_API bool pk_stats_text(const pk_stats *stats, pk_write_fn *write, void *arg);

/* ---- the whole process ---- */

/* A line for each heap and shared pool, and for each arena and block pool that was given a name and has
 * no buffer of the caller's; arenas stand under their parents:
 *
 *     heap 'process heap': 11.2 MiB live of 16.0 MiB, 4711 blocks, 4 chunks
 *     arena 'server': 1.0 KiB live of 4.0 KiB, 1 chunk
 *       arena 'request': 9.5 KiB live of 12.0 KiB, 2 chunks
 *
 * Pools that are for one thread at a time must rest meanwhile, as for any question to them; `write` may
 * do what it likes. false: it said so, or there was no memory for the copy that is written. */
PK_API bool pk_report_all(pk_write_fn *write, void *arg);

/* The same as JSON: an array of objects with the members `kind`, `depth` (0: has no parent) and `stats`, as
 * pk_stats_json has it. */
PK_API bool pk_report_all_json(pk_write_fn *write, void *arg);

/* The same as metrics in the text format of Prometheus (0.0.4): gauges named poolkit_…, with the labels
 * `kind` and `name`. Pools of one kind and name are added up, as metrics must have different labels;
 * poolkit_pools tells how many there are. A name's bytes that are not UTF-8 become U+FFFD. */
PK_API bool pk_report_all_prometheus(pk_write_fn *write, void *arg);

/* POOLKIT_OPTIONS=stats=exit or stats=signal has the same written by an unchanged program that runs on
 * the drop-in or on libpoolkit.so: docs/observe.md. */

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_STATS_H */
