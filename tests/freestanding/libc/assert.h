/* SPDX-License-Identifier: MIT
 * assert.h: as with NDEBUG. */
#ifndef FREESTANDING_ASSERT_H
#define FREESTANDING_ASSERT_H

#define assert(condition) ((void)0)
#define static_assert _Static_assert

#endif /* FREESTANDING_ASSERT_H */
