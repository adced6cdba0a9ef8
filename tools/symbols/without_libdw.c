/* SPDX-License-Identifier: MIT
 * without_libdw.c: stands for debug.c where poolkit was built without libdw: says so, once.
 */
#include "symbols/symbols.h"

#include "poolkit/tool.h"

void debug_look_up(const struct trace_module *module, struct place *places, size_t n)
{
    static bool said;
    (void)module;
    (void)places;
    (void)n;
    if (!said) {
        pki_note("built without libdw: places are told as module+offset, not by name");
        said = true;
    }
}
