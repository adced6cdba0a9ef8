/* SPDX-License-Identifier: MIT
 * lua_memory.h: a Lua state with memory of its own, which can end without lua_close. */
#ifndef LUA_MEMORY_H
#define LUA_MEMORY_H

#include <lua.h>
#include <poolkit/heap.h>

/* The memory of one state. */
typedef struct {
    pk_heap *heap;
    lua_State *state;
} lua_memory;

/* A state on a heap of at most `limit` bytes (0: no limit) whose chunks come from `source` ({NULL}: the
 * system); NULL if there is no memory. */
lua_State *lua_in_heap(lua_memory *memory, size_t limit, pk_page_source source);

/* Ends the state and its memory at once. Nothing of Lua's runs: only for scripts that have no __gc
 * and no __close to be called, no files open, and no libraries loaded. */
void lua_memory_drop(lua_memory *memory);

/* lua_close, which runs them, and then the same. */
void lua_memory_close(lua_memory *memory);

#endif /* LUA_MEMORY_H */
