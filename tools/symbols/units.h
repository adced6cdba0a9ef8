/* SPDX-License-Identifier: MIT
 * units.h: which compilation unit an address belongs to.
 */
#ifndef POOLKIT_SYMBOLS_UNITS_H
#define POOLKIT_SYMBOLS_UNITS_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ranges of all units of a module. The section that is meant for this (.debug_aranges) is
 * written by gcc but not by clang. */
struct units {
    struct unit_range {
        Dwarf_Addr low, high; /* as in the module's file */
        Dwarf_Off die;
    } * ranges; /* in the order of `low` */
    size_t n, room;
    Dwarf_Addr shift; /* from the file's addresses to the process's */
    Dwarf *debug;     /* NULL: the module has no debug information */
};

void units_find(struct units *u, Dwfl_Module *module);
/* The unit's DIE; `at` is an address of the process, `shift` is to be taken off it. */
bool units_at(const struct units *u, Dwarf_Addr at, Dwarf_Die *unit, Dwarf_Addr *shift);
void units_free(struct units *u);

#endif
