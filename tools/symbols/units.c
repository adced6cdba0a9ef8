/* SPDX-License-Identifier: MIT
 * units.c: collects the address ranges of a module's compilation units.
 */
#include "symbols/units.h"

#include "poolkit/tool.h"

#include <stdlib.h>

static int by_low(const void *left, const void *right)
{
    const struct unit_range *a = left, *b = right;
    return (a->low > b->low) - (a->low < b->low);
}

static void add(struct units *u, Dwarf_Addr low, Dwarf_Addr high, Dwarf_Off die)
{
    if (u->n == u->room) {
        u->room = u->room ? 2 * u->room : 64;
        u->ranges = pki_grow(u->ranges, u->room, sizeof *u->ranges);
    }
    u->ranges[u->n++] = (struct unit_range){low, high, die};
}

void units_find(struct units *u, Dwfl_Module *module)
{
    Dwarf_Die *unit = NULL;
    Dwarf_Addr shift;
    *u = (struct units){0};
    u->debug = dwfl_module_getdwarf(module, &u->shift);
    if (!u->debug) {
        return;
    }
    while ((unit = dwfl_module_nextcu(module, unit, &shift))) {
        Dwarf_Addr base, low, high;
        for (ptrdiff_t at = 0; (at = dwarf_ranges(unit, at, &base, &low, &high)) > 0;) {
            add(u, low, high, dwarf_dieoffset(unit));
        }
    }
    if (u->n > 0) {
        qsort(u->ranges, u->n, sizeof *u->ranges, by_low);
    }
}

bool units_at(const struct units *u, Dwarf_Addr at, Dwarf_Die *unit, Dwarf_Addr *shift)
{
    size_t low = 0, high = u->n;
    Dwarf_Addr wanted = at - u->shift;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (u->ranges[middle].low <= wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *shift = u->shift;
    return low > 0 && wanted < u->ranges[low - 1].high &&
           dwarf_offdie(u->debug, u->ranges[low - 1].die, unit);
}

void units_free(struct units *u) { free(u->ranges); }
