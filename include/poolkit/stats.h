/* SPDX-License-Identifier: MIT
 * stats.h: one struct of figures for every kind of pool. All of them are bytes unless the name
 * begins with n_. One equation always holds:
 *
 *     committed == live + free_in_chunks + untouched + overhead
 *
 * A snapshot taken while other threads allocate is correct for some moment of each thread.
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

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_STATS_H */
