/* SPDX-License-Identifier: MIT
 * lua_memory.c: a function of the type lua_Alloc over a heap, and the two ways to end a state.
 *
 * n == 0 frees. Lua tells the old size with each change; a heap knows it anyway. For a new block Lua
 * puts the kind of object in its place, which is not needed here.
 */
#include "lua_memory.h"

static void *change(void *heap, void *p, size_t old_n, size_t n)
{
    if (n > 0) {
        return pk_heap_realloc(heap, p, n);
    }
    if (p != NULL) {
        pk_heap_free_sized(p, old_n);
    }
    return NULL;
}

lua_State *lua_in_heap(lua_memory *memory, size_t limit, pk_page_source source)
{
    pk_heap_opts opts = {.name = "lua", .limit = limit, .source = source};
    if (pk_heap_create(&memory->heap, &opts) != PK_OK) {
        return NULL;
    }
    memory->state = lua_newstate(change, memory->heap);
    if (!memory->state) {
        lua_memory_drop(memory);
    }
    return memory->state;
}

void lua_memory_drop(lua_memory *memory)
{
    pk_heap_destroy(memory->heap);
    *memory = (lua_memory){0};
}

void lua_memory_close(lua_memory *memory)
{
    lua_close(memory->state);
    lua_memory_drop(memory);
}
