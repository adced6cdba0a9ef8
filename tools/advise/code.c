/* SPDX-License-Identifier: MIT
 * code.c: an advice as code that can be copied, in poolkit's interface (tests/analysis/code.sh
 * compiles each kind).
 */
#include "advise.h"

#include "poolkit/tool.h"
#include "text/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void advise_pool_text(const struct replay_pool *pool, char *text, size_t room)
{
    char size[PKI_TEXT];
    pki_text_value(size, (double)(pool->block_size ? pool->block_size : pool->chunk), PKI_BYTES);
    switch (pool->kind) {
    case REPLAY_BLOCK:
        snprintf(text, room, "a block pool of %s", size);
        break;
    case REPLAY_OBJECT:
        snprintf(text, room, "an object pool of %s", size);
        break;
    case REPLAY_THREAD_LOCAL:
        snprintf(text, room, "a shared pool of %s, a stack per thread", size);
        break;
    case REPLAY_ARENA_SCOPE:
        snprintf(text, room, "an arena that is reset when its blocks are gone");
        break;
    case REPLAY_ARENA_CHUNKS:
        snprintf(text, room, "arenas of %s that count their blocks", size);
        break;
    case REPLAY_KINDS:
        break;
    }
}

static const char block_code[] =
    "#include <poolkit/block_pool.h>\n"
    "\n"
    "static pk_block_pool pool; /* once: */\n"
    "pk_block_pool_init(&pool, &(pk_block_pool_opts){.block_size = %llu});\n"
    "\n"
    "/* instead of malloc, at most %llu bytes: */ void *p = pk_block_pool_alloc(&pool);\n"
    "/* instead of free: */ pk_block_pool_free(&pool, p);\n";

static const char thread_code[] =
    "#include <poolkit/shared_pool.h>\n"
    "\n"
    "static pk_shared_pool *pool; /* once: */\n"
    "pk_shared_pool_create(&pool, &(pk_block_pool_opts){.block_size = %llu}, PK_PER_THREAD);\n"
    "\n"
    "/* instead of malloc, at most %llu bytes: */ void *p = pk_shared_pool_alloc(pool);\n"
    "/* instead of free, in any thread: */ pk_shared_pool_free(p);\n";

static const char arena_code[] =
    "#include <poolkit/arena.h>\n"
    "\n"
    "static _Thread_local pk_arena arena; /* zeroed memory is an arena */\n"
    "\n"
    "/* instead of malloc: */ void *p = pk_arena_alloc(&arena, n);\n"
    "/* instead of free: nothing; where the last of them would have been freed: */\n"
    "pk_arena_reset(&arena);\n";

static const char chunks_code[] =
    "#include <poolkit/arena.h>\n"
    "#include <stdlib.h>\n"
    "\n"
    "struct batch { pk_arena arena; size_t used, live; }; /* an arena that counts its blocks */\n"
    "struct block { struct batch *batch; max_align_t bytes[]; };\n"
    "static _Thread_local struct batch *now;\n"
    "\n"
    "static void *take(size_t n) /* instead of malloc */\n"
    "{\n"
    "    if (!now || now->used > %llu) now = calloc(1, sizeof *now);\n"
    "    struct block *b = now ? pk_arena_alloc(&now->arena, sizeof *b + n) : NULL;\n"
    "    if (!b) return NULL;\n"
    "    b->batch = now;\n"
    "    now->used += sizeof *b + n;\n"
    "    now->live++;\n"
    "    return b->bytes;\n"
    "}\n"
    "\n"
    "static void give(void *p) /* instead of free, in the same thread */\n"
    "{\n"
    "    struct batch *batch = ((struct block *)((char *)p - offsetof(struct block, "
    "bytes)))->batch;\n"
    "    if (--batch->live > 0) return;\n"
    "    if (batch == now) now = NULL;\n"
    "    pk_arena_fini(&batch->arena);\n"
    "    free(batch);\n"
    "}\n";

char *advise_code(const struct advice_set *set, size_t number)
{
    const struct replay_pool *pool = &set->advice[number].pool;
    unsigned long long size = pool->block_size;
    switch (pool->kind) {
    case REPLAY_THREAD_LOCAL:
        return pki_format(thread_code, size, size);
    case REPLAY_ARENA_SCOPE:
        return pki_copy(arena_code);
    case REPLAY_ARENA_CHUNKS:
        return pki_format(chunks_code, (unsigned long long)pool->chunk);
    case REPLAY_BLOCK:
    case REPLAY_OBJECT:
    case REPLAY_KINDS:
        break;
    }
    return pki_format(block_code, size, size);
}
