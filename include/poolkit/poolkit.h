/* SPDX-License-Identifier: MIT
 * poolkit.h: every public header of poolkit in one. */
#ifndef POOLKIT_POOLKIT_H
#define POOLKIT_POOLKIT_H

#include <poolkit/allocator.h>
#include <poolkit/arena.h>
#include <poolkit/block_pool.h>
#include <poolkit/common.h>
#include <poolkit/fault.h>
#include <poolkit/heap.h>
#include <poolkit/object_pool.h>
#include <poolkit/page_source.h>
#include <poolkit/shared_pool.h>
#include <poolkit/stats.h>

#endif /* POOLKIT_POOLKIT_H */
