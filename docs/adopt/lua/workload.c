/* SPDX-License-Identifier: MIT
 * workload.c malloc|heap|kept close|drop STATES ROWS: so many states, one after the other; each runs
 * a script that builds records, strings and closures, sorts and counts them, and then the state ends.
 * On "kept" the heaps' chunks are used again. Prints what the scripts found; the processor time of
 * the endings goes to standard error.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kept_chunks.h"
#include "lua_memory.h"

static const char *const script =
    "local rows = ...\n"
    "local records, names = {}, {}\n"
    "for i = 1, rows do\n"
    "  local r = { id = i, name = 'customer ' .. i * 7919 % 1009, tags = { i % 7, i % 11 } }\n"
    "  r.price = function() return i * 37 % 1000 end\n"
    "  records[#records + 1] = r\n"
    "  names[r.name] = (names[r.name] or 0) + r.price()\n"
    "end\n"
    "table.sort(records, function(a, b)\n"
    "  if a.name ~= b.name then return a.name < b.name end return a.id < b.id end)\n"
    "local lines, sum = {}, 0\n"
    "for i, r in ipairs(records) do lines[i] = r.name .. ';' .. r.price() .. ';' .. r.tags[2] end\n"
    "for _, n in pairs(names) do sum = sum + n end\n"
    "return #table.concat(lines, '\\n'), sum\n";

static void die(const char *what)
{
    fprintf(stderr, "workload: %s\n", what);
    exit(1);
}

static lua_State *begin(const char *kind, lua_memory *memory, kept_chunks *kept)
{
    pk_page_source source = {0};
    if (strcmp(kind, "kept") == 0) {
        source = kept_chunks_source(kept);
    }
    lua_State *state =
        strcmp(kind, "malloc") == 0 ? luaL_newstate() : lua_in_heap(memory, 0, source);
    if (!state) die("no memory for a state");
    return state;
}

static void run(lua_State *state, int rows)
{
    luaL_openlibs(state);
    if (luaL_loadstring(state, script) != LUA_OK) die(lua_tostring(state, -1));
    lua_pushinteger(state, rows);
    if (lua_pcall(state, 1, 2, 0) != LUA_OK) die(lua_tostring(state, -1));
    printf("%lld %lld\n", lua_tointeger(state, -2), lua_tointeger(state, -1));
}

static double cpu_milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: workload malloc|heap|kept close|drop STATES ROWS\n");
        return 2;
    }
    bool on_malloc = strcmp(argv[1], "malloc") == 0;
    kept_chunks kept = {0};
    double ending = 0;
    for (int i = 0; i < atoi(argv[3]); i++) {
        lua_memory memory;
        lua_State *state = begin(argv[1], &memory, &kept);
        run(state, atoi(argv[4]));
        double begun = cpu_milliseconds();
        if (on_malloc) {
            lua_close(state);
        } else if (strcmp(argv[2], "drop") == 0) {
            lua_memory_drop(&memory);
        } else {
            lua_memory_close(&memory);
        }
        ending += cpu_milliseconds() - begun;
    }
    kept_chunks_drop(&kept);
    fprintf(stderr, "ms_in_endings=%.3f\n", ending);
    return 0;
}
