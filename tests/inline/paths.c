/* SPDX-License-Identifier: MIT
 * paths.c: functions that use the inline paths, for golden.sh, which looks at their machine code. */
#include <poolkit/arena.h>
#include <poolkit/block_pool.h>

/* Declared, or the compilers warn of functions that nobody calls. */
void *arena_constant(pk_arena *arena);
void *arena_any_size(pk_arena *arena, size_t n);
double *arena_typed(pk_arena *arena);
void *block_alloc(pk_block_pool *pool);
void block_free(pk_block_pool *pool, void *block);
int wrong_call(int x);
int wrong_lock(int *x);
int helper(int x);

void *arena_constant(pk_arena *arena) { return pk_arena_alloc(arena, 40); }

void *arena_any_size(pk_arena *arena, size_t n) { return pk_arena_alloc(arena, n); }

double *arena_typed(pk_arena *arena) { return pk_new(arena, double); }

void *block_alloc(pk_block_pool *pool) { return pk_block_pool_alloc(pool); }

void block_free(pk_block_pool *pool, void *block) { pk_block_pool_free(pool, block); }

/* What golden.sh must refuse. */
int wrong_call(int x) { return helper(x) + 1; }

int wrong_lock(int *x) { return __atomic_fetch_add(x, 1, __ATOMIC_RELAXED); }
