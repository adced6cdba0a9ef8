/* SPDX-License-Identifier: MIT
 * names.c: asks libstdc++ for the readable form of a name.
 *
 * It is loaded only when a name needs it: the command is a C program and small, which matters to
 * what `poolkit compare` measures.
 */
#include "symbols/names.h"

#include "poolkit/tool.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef char *demangle_function(const char *mangled, char *room, size_t *n, int *status);

static demangle_function *find_demangle(void)
{
    static demangle_function *found;
    static bool looked;
    if (!looked) {
        looked = true;
        void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
        void *symbol = library ? dlsym(library, "__cxa_demangle") : NULL;
        memcpy(&found, &symbol, sizeof found);
    }
    return found;
}

char *name_demangled(const char *mangled)
{
    int status = -1;
    demangle_function *demangle = strncmp(mangled, "_Z", 2) == 0 ? find_demangle() : NULL;
    char *readable = demangle ? demangle(mangled, NULL, NULL, &status) : NULL;
    return readable && status == 0 ? readable : pki_copy(mangled);
}
