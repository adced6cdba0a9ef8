/* SPDX-License-Identifier: MIT
 * symbols.h: gives the return addresses of a trace their functions, files and lines.
 *
 *   resolve.c   collects the addresses of a trace, module by module, and writes the names into it
 *   cache.c     what was found out about a module, kept in the user's cache folder by build id
 *   debug.c     asks libdw: symbol tables, debug information, inlined functions
 */
#ifndef POOLKIT_SYMBOLS_SYMBOLS_H
#define POOLKIT_SYMBOLS_SYMBOLS_H

#include "trace/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols_options {
    bool no_cache;
    bool debuginfod; /* may ask the servers in DEBUGINFOD_URLS */
};

/* Adds to the trace the names of all addresses that have none in it. False with the reason in
 * `why` if the trace cannot be read or written; an address without a name is no failure. */
bool symbols_resolve(const char *trace, const struct symbols_options *o, char *why);

/* What is known about one address: its functions, innermost first. */
struct place {
    uint64_t offset; /* return address - load bias */
    bool known;      /* looked up, though perhaps in vain (n = 0) */
    size_t n;
    struct trace_frame *frames; /* texts are allocated */
};

void place_add(struct place *p, const char *function, const char *file, uint32_t line);
void places_free(struct place *places, size_t n);

/* cache.c: fills in those that are known, and remembers them all. The key tells whether the files
 * a cache was made from are still the same. */
void cache_load(const char *build_id, const char *key, struct place *places, size_t n);
void cache_store(const char *build_id, const char *key, const struct place *places, size_t n);

/* debug.c: looks up those places that are not known. `places` are in the order of their offsets. */
void debug_look_up(const struct trace_module *module, struct place *places, size_t n);

#endif
