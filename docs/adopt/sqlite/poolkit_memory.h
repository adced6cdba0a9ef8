/* SPDX-License-Identifier: MIT
 * poolkit_memory.h: SQLite's memory on a heap of its own. */
#ifndef POOLKIT_MEMORY_H
#define POOLKIT_MEMORY_H

#include <poolkit/heap.h>
#include <sqlite3.h>

/* Makes SQLite take its memory from a heap named "sqlite", of at most `limit` bytes (0: no limit).
 * Before sqlite3_initialize and the first sqlite3_open, as every sqlite3_config. The heap begins with
 * sqlite3_initialize and ends with sqlite3_shutdown. Returns SQLite's result code. */
int poolkit_memory_use(size_t limit);

/* The heap, for its statistics; NULL while SQLite is not initialised. */
pk_heap *poolkit_memory_heap(void);

#endif /* POOLKIT_MEMORY_H */
