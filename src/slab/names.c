/* SPDX-License-Identifier: MIT
 * names.c: see names.h. */
#include "slab/names.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "os/pages.h"
#include "slab/settings.h"

/* What the kernel takes: printable ASCII but for five characters. */
static char allowed(char c) { return c < ' ' || c > '~' || strchr("[]\\$`", c) != NULL ? '?' : c; }

void pki_name_pages(void *p, size_t size, const char *kind, const char *name)
{
    static _Atomic bool unknown; /* relaxed: each thread finds it out by itself at worst */
    if (!pki_settings.names || p == NULL || atomic_load_explicit(&unknown, memory_order_relaxed)) {
        return;
    }
    char whole[80]; /* the kernel's most */
    pki_text text = pki_text_begin(whole, sizeof whole);
    pki_text_string(&text, "poolkit ");
    pki_text_string(&text, kind);
    pki_text_string(&text, name[0] == '\0' ? "" : " ");
    pki_text_string(&text, name);
    for (char *at = whole; *at != '\0'; at++) {
        *at = allowed(*at);
    }
    if (!pki_os_name(p, size, whole)) {
        atomic_store_explicit(&unknown, true, memory_order_relaxed);
    }
}
