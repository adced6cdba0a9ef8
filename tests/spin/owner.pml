/* SPDX-License-Identifier: MIT
 * owner.pml: how blocks come home to an owner's slab while threads end, adopt, steal and fork; a model of
 * src/slab/owner.c, owner_remote.c, owner_life.c and fork.c for Spin, which tries every order of steps.
 *
 *   two owners   A and B, of one space; a slab's word names its owner
 *   one slab     BLOCKS blocks; its bitmap of free blocks is guarded by its owner's lock
 *   thread 0     has A; takes blocks to its stack and to the program, hands one over, ends: flush, orphan
 *   thread 1     frees a block that it was handed: gathers it, brings it home under the lock of the owner
 *                that the slab's word names, and looks again once it has the lock; then it ends, too
 *   thread 2     starts: adopts the orphan or, with B, steals the slab from it under its lock
 *   thread 3     forks: takes all locks in their order; the child finds a whole bitmap and orphans all
 *
 * What is asserted: a block is never free twice nor free while the program has it, whole records at the
 * fork, and at the end that no block is lost. Deadlock is an invalid end state, which Spin reports itself.
 *
 * -DBUG=n plants one: 1 the word is not read again under the lock, 2 the stack is not flushed before the
 * owner is an orphan, 3 the fork takes an owner's lock before the list's, 4 the fork takes no owner's
 * lock, 5 bits are set without the lock. Memory is sequentially consistent here; orders of single loads and
 * stores are the thread sanitizer's matter. */
#ifndef BUG
#define BUG 0
#endif

#define BLOCKS 3
#define A 0
#define B 1
#define NOBODY 255

/* Where a block is: exactly one place at any time. */
mtype = { in_slab, in_stack, in_program, in_box, handed_over };
mtype place[BLOCKS] = in_slab;

byte owners_lock = NOBODY; /* the holder */
byte lock[2] = NOBODY;
byte word = A;       /* whose slab it is      */
byte bits = 7;       /* free in its bitmap    */
byte used = 0;       /* blocks not in it: S2  */
bool orphan[2];
bool running[2];     /* a thread has it       */
bool half_done;      /* between two stores of the slab's record */
byte ended = 0;
bool given = false;  /* thread 0 has handed the block over, or will not */

inline take(l, me) { atomic { l == NOBODY -> l = me } }
inline give(l, me) { atomic { assert(l == me); l = NOBODY } }

/* The bitmap's two stores, bits and used, with a step between. */
inline put_home(b)
{
    assert((bits & (1 << b)) == 0); /* else it was free already */
    half_done = true;
    bits = bits | (1 << b);
    used = used - 1;
    half_done = false;
    place[b] = in_slab
}

inline take_from_slab(b)
{
    half_done = true;
    bits = bits & (7 ^ (1 << b));
    used = used + 1;
    half_done = false;
    place[b] = in_stack
}

/* pki_owner_put_home: by the word as it is under the lock. */
inline bring_home(b, me)
{
    byte target = word;
retry:
    take(lock[target], me);
    if
    :: BUG != 1 && word != target ->
        give(lock[target], me);
        target = word;
        goto retry
    :: else -> assert(word == target)
    fi;
    put_home(b);
    give(lock[target], me)
}

/* pki_owner_leave: flush, then the locks of the list and of the owner. */
inline leave(o, me)
{
    take(owners_lock, me);
    take(lock[o], me);
    running[o] = false;
    give(lock[o], me);
    orphan[o] = true;
    give(owners_lock, me)
}

proctype thread_0()
{
    byte i;
    /* Refill: two blocks to the stack. */
    take(lock[A], 0);
    take_from_slab(0);
    take_from_slab(1);
    give(lock[A], 0);
    /* Block 0 goes to the program and to thread 1; block 1 stays in the stack. */
    place[0] = in_program;
    place[0] = handed_over;
    given = true;
    /* Flush. */
    if
    :: BUG == 2
    :: else ->
        take(lock[A], 0);
        assert(place[1] == in_stack);
        put_home(1);
        give(lock[A], 0)
    fi;
    leave(A, 0);
    ended++
}

proctype thread_1()
{
    given;
    assert(place[0] == handed_over);
    place[0] = in_program;
    place[0] = in_box;
#if BUG == 5
    put_home(0);
#else
    bring_home(0, 1);
#endif
    ended++
}

/* Adopts A's record if it is an orphan; else makes B, and may steal the slab when A becomes one. */
proctype thread_2()
{
    byte mine = B;
    take(owners_lock, 2);
    if
    :: orphan[A] -> orphan[A] = false; mine = A
    :: else
    fi;
    take(lock[mine], 2);
    running[mine] = true;
    give(lock[mine], 2);
    give(owners_lock, 2);
    if
    :: mine == B ->
        take(owners_lock, 2);
        if
        :: orphan[A] ->
            take(lock[A], 2);
            if
            :: word == A -> word = B
            :: else
            fi;
            give(lock[A], 2)
        :: else
        fi;
        give(owners_lock, 2)
    :: else
    fi;
    /* Takes and frees a block of its own. */
    take(lock[mine], 2);
    if
    :: word == mine && (bits & 4) != 0 ->
        assert(place[2] == in_slab);
        take_from_slab(2);
        place[2] = in_program;
        put_home(2)
    :: else
    fi;
    give(lock[mine], 2);
    leave(mine, 2);
    ended++
}

inline count_bits(n) { n = (bits & 1) + ((bits >> 1) & 1) + ((bits >> 2) & 1) }

/* The child is looked at in the moment of the fork: nothing else may be half done then. */
proctype thread_3()
{
    byte n;
#if BUG == 3
    take(lock[A], 3);
    take(owners_lock, 3);
    take(lock[B], 3);
#elif BUG == 4
    take(owners_lock, 3);
#else
    take(owners_lock, 3);
    take(lock[A], 3);
    take(lock[B], 3);
#endif
    atomic {
        count_bits(n);
        assert(!half_done);
        assert(n + used == BLOCKS)
    }
#if BUG != 4
    give(lock[B], 3);
    give(lock[A], 3);
#endif
    give(owners_lock, 3);
    ended++
}

init {
    running[A] = true;
    atomic { run thread_0(); run thread_1(); run thread_2(); run thread_3() }
    ended == 4;
    assert(bits == 7 && used == 0); /* none is lost */
    assert(orphan[A] || !running[A])
}
