/* SPDX-License-Identifier: MIT
 * attack.h: what the attacks of the misuse suite share. An attack does one thing that no program may do to
 * malloc, and then looks at what came of it. It knows malloc's interface only, so that the same program runs
 * on any allocator.
 *
 * How it ends is the verdict that run.py reads:
 *   died of a signal     the allocator stopped it
 *   exit HARMLESS        it went on, and nothing that the attack aimed at has happened
 *   exit SILENT          bytes of the program were read or changed, and nobody said so; blocks are sound
 *   exit EXPLOITABLE     two blocks in use overlap, or malloc returned an address of the attacker's */
#ifndef MISUSE_ATTACK_H
#define MISUSE_ATTACK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { HARMLESS = 0, SILENT = 3, EXPLOITABLE = 4, NOT_POSSIBLE = 5 };

typedef struct {
    const char *name;
    const char *kind; /* double free, interior, foreign, overflow, … */
    void (*run)(size_t size);
} attack;

/* Ends the process with this verdict. */
_Noreturn void verdict(int code);

/* A pointer that the compiler knows nothing of: it must not see what is done to it. */
void *unknown(void *p);

/* malloc that ends the program when there is no memory; its bytes are all `fill`. */
void *block(size_t size, int fill);

/* Allocates many blocks of this size, and of others: EXPLOITABLE if two of them overlap, or one of them
 * overlaps what is in use (`n` bytes at `live`), or lies where the attacker wanted it. */
void look_for_harm(size_t size);
void keep_in_use(void *p, size_t n);
void never_hand_out(const void *p, size_t n);

extern const attack attacks_free[];
extern const attack attacks_write[];
extern const attack attacks_cxx[];

#ifdef __cplusplus
}
#endif
#endif /* MISUSE_ATTACK_H */
