/* SPDX-License-Identifier: MIT
 * slab_audit.c: what all audits share, a block pool's too: the findings, and S2–S4 of one slab
 * (chunk.h). Needs no operating system. */
#include "base/text.h"
#include "slab/report.h"

void pki_expect(pki_findings *findings, bool holds, const char *what, const void *where)
{
    if (holds) {
        return;
    }
    if (findings->broken++ == 0 && findings->text != NULL && findings->text_size > 0) {
        pki_text text = pki_text_begin(findings->text, findings->text_size);
        pki_text_string(&text, what);
        pki_text_string(&text, " at ");
        pki_text_address(&text, where);
    }
}

void pki_audit_slab_bits(const pki_slab *slab, pki_findings *f)
{
    unsigned set = 0, above_fresh = 0, below_hint = 0;
    for (unsigned i = 0; i < slab->capacity; i++) {
        bool is_set = pki_slab_is_free(slab, i);
        set += is_set;
        above_fresh += is_set && i >= slab->fresh;
        below_hint += is_set && i / 64 < slab->hint;
    }
    pki_expect(f, slab->used + set == slab->fresh && slab->fresh <= slab->capacity,
               "S2: used and free blocks of a slab do not add up", slab);
    pki_expect(f, above_fresh == 0, "S3: a block that was never used is marked free", slab);
    pki_expect(f, below_hint == 0, "S4: a free block lies below the hint", slab);
}
