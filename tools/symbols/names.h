/* SPDX-License-Identifier: MIT
 * names.h: names of C++ functions as people read them.
 */
#ifndef POOLKIT_SYMBOLS_NAMES_H
#define POOLKIT_SYMBOLS_NAMES_H

/* Allocated; the name itself if it is not a mangled one or libstdc++ is not there. */
char *name_demangled(const char *mangled);

#endif
