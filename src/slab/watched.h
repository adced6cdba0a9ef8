/* SPDX-License-Identifier: MIT
 * watched.h: what a space tells a memory checker (os/watch.h). In a watched space no thread has an owner:
 * the late owner serves each call under its lock, and what is free is hidden.
 *
 *   chunk   │ head: shown │ block  gap│ free ░░░░│ block  gap│ free slabs ░░░░░░ │
 *
 * A slab's block_size, a run's and a large block's size are then the room of the block and its gap. */
#ifndef PKI_SLAB_WATCHED_H
#define PKI_SLAB_WATCHED_H

#include "base/attr.h"
#include "os/watch.h"
#include "slab/space.h"

/* Watched from now on, if a checker looks on. The space has no memory yet. Its blocks show `shown` bytes
 * each, or, if that is 0, their room without the gap. */
static inline void pki_space_watch(pki_space *space, size_t shown)
{
    space->watched = pki_watched();
    space->shown = shown;
    if (space->watched) {
        space->gap = PKI_WATCH_GAP;
        pki_watch_begin(space);
    }
}

/* Bytes that the program may use of a block with this room. */
static inline size_t pki_space_usable(const pki_space *space, size_t room)
{
    if (pki_likely(space->gap == 0)) {
        return room;
    }
    return space->shown != 0 ? space->shown : room - space->gap;
}

/* The same for a run or a large block. */
static inline size_t pki_space_usable_pages(const pki_space *space, size_t room)
{
    return pki_space_usable(space, room) - space->guard;
}

static inline void pki_space_hide(const pki_space *space, const void *p, size_t n)
{
    if (pki_unlikely(space->watched)) {
        pki_watch_hide(p, n);
    }
}

/* Before the memory goes to somebody who knows nothing of checkers. */
static inline void pki_space_show(const pki_space *space, const void *p, size_t n)
{
    if (pki_unlikely(space->watched)) {
        pki_watch_show(p, n, false);
    }
}

static inline void pki_space_tell_alloc(const pki_space *space, const void *p, size_t room,
                                        bool zero)
{
    if (pki_unlikely(space->watched) && p != NULL) {
        pki_watch_alloc(space, p, pki_space_usable(space, room), zero);
    }
}

/* Before anybody else may take it: under the lock that guards the block. */
static inline void pki_space_tell_free(const pki_space *space, const void *p, size_t room)
{
    if (pki_unlikely(space->watched)) {
        pki_watch_free(space, p, pki_space_usable(space, room));
    }
}

#endif /* PKI_SLAB_WATCHED_H */
