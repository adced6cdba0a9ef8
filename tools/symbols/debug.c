/* SPDX-License-Identifier: MIT
 * debug.c: asks libdw what stands at an address.
 *
 * libdw finds separate debug files by itself, by build id. A module is looked at as it was loaded,
 * so that all addresses here are those of the recorded process.
 */
#include "symbols/symbols.h"

#include "poolkit/tool.h"
#include "symbols/names.h"
#include "symbols/units.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct look {
    Dwfl *dwfl;
    Dwfl_Module *module;
    struct units units;
    uint64_t bias;
};

static bool is_same_build(Dwfl_Module *module, const char *wanted)
{
    const unsigned char *bytes;
    GElf_Addr at;
    int n = dwfl_module_build_id(module, &bytes, &at);
    char text[3];
    if (!*wanted || n <= 0) {
        return true;
    }
    for (int i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%02x", (unsigned)bytes[i]);
        if (strncmp(wanted + 2 * i, text, 2) != 0) {
            return false;
        }
    }
    return !wanted[2 * n];
}

static bool open_module(struct look *l, const struct trace_module *m)
{
    static char *standard_path = NULL;
    static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_build_id_find_elf,
                                             .find_debuginfo = dwfl_standard_find_debuginfo,
                                             .debuginfo_path = &standard_path};
    *l = (struct look){.dwfl = dwfl_begin(&callbacks), .bias = m->bias};
    if (!l->dwfl) {
        return false;
    }
    dwfl_report_begin(l->dwfl);
    l->module = dwfl_report_elf(l->dwfl, pki_base(m->path), m->path, -1, m->bias, true);
    dwfl_report_end(l->dwfl, NULL, NULL);
    if (l->module && is_same_build(l->module, m->build_id)) {
        units_find(&l->units, l->module);
        return true;
    }
    if (l->module) {
        pki_note("%s has changed since it was recorded: no names from it", m->path);
    }
    dwfl_end(l->dwfl);
    return false;
}

/* What the compiler and linker called it: best of the names, because it tells the parameters. */
static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    Dwarf_Attribute *found = dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute);
    found = found ? found : dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute);
    return found ? dwarf_formstring(found) : NULL;
}

static void add_function(struct place *p, const char *mangled, const char *plain, const char *file,
                         uint32_t line)
{
    char *name = mangled ? name_demangled(mangled) : pki_copy(plain ? plain : "");
    if (*name) {
        place_add(p, name, file ? file : "", line);
    }
    free(name);
}

static uint32_t number(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    return dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0 ? (uint32_t)value : 0;
}

static const char *calling_file(Dwarf_Die *unit, Dwarf_Die *inlined)
{
    Dwarf_Files *files;
    size_t n;
    uint32_t index = number(inlined, DW_AT_call_file);
    return dwarf_getsrcfiles(unit, &files, &n) == 0 && index < n
               ? dwarf_filesrc(files, index, NULL, NULL)
               : NULL;
}

/* The DIEs around an address as they lie in each other in the machine code, innermost first; those
 * that dwarf_getscopes gives follow where an inlined function was written instead. */
static int scopes_around(Dwarf_Die *unit, Dwarf_Addr at, Dwarf_Die **scopes)
{
    Dwarf_Die *written = NULL;
    int n = dwarf_getscopes(unit, at, &written);
    *scopes = NULL;
    if (n > 0) {
        Dwarf_Die innermost = written[0];
        n = dwarf_getscopes_die(&innermost, scopes);
    }
    free(written);
    return n;
}

/* False if no function is known to be there. */
static bool add_scopes(struct place *p, Dwarf_Die *unit, Dwarf_Addr at, const char *symbol)
{
    Dwarf_Die *scopes;
    Dwarf_Line *line = dwarf_getsrc_die(unit, at);
    int line_number = 0, n = scopes_around(unit, at, &scopes);
    const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
    if (line) {
        dwarf_lineno(line, &line_number);
    }
    uint32_t now = (uint32_t)line_number;
    for (int i = 0; i < n; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag == DW_TAG_inlined_subroutine) {
            add_function(p, linkage_name(&scopes[i]), dwarf_diename(&scopes[i]), file, now);
            file = calling_file(unit, &scopes[i]);
            now = number(&scopes[i], DW_AT_call_line);
        } else if (tag == DW_TAG_subprogram || tag == DW_TAG_entry_point) {
            const char *mangled = linkage_name(&scopes[i]), *plain = dwarf_diename(&scopes[i]);
            add_function(p, mangled || plain ? mangled : symbol, plain, file, now);
            break;
        }
    }
    free(scopes);
    if (p->n == 0) {
        add_function(p, symbol, NULL, file, now);
    }
    return p->n > 0;
}

static void look_at(struct look *l, struct place *p)
{
    Dwarf_Addr at = l->bias + p->offset - 1, shift = 0;
    GElf_Off inside;
    GElf_Sym about;
    const char *symbol = dwfl_module_addrinfo(l->module, at, &inside, &about, NULL, NULL, NULL);
    Dwarf_Die unit;
    p->known = true;
    if (!units_at(&l->units, at, &unit, &shift) || !add_scopes(p, &unit, at - shift, symbol)) {
        add_function(p, symbol, NULL, NULL, 0);
    }
}

void debug_look_up(const struct trace_module *module, struct place *places, size_t n)
{
    struct look l;
    if (module->path[0] != '/' || !open_module(&l, module)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!places[i].known) {
            look_at(&l, &places[i]);
        }
    }
    units_free(&l.units);
    dwfl_end(l.dwfl);
}
