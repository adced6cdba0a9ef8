/* SPDX-License-Identifier: MIT
 * names.c: names and values that several formats write.
 */
#include "export.h"

uint64_t export_value(const struct behaviour *did, enum export_metric metric)
{
    switch (metric) {
    case EXPORT_ALLOCATIONS:
        return did->allocations;
    case EXPORT_PEAK:
        return did->peak_live;
    case EXPORT_LIVE:
        return did->live;
    case EXPORT_BYTES:
    case EXPORT_METRICS:
        break;
    }
    return did->bytes;
}

void export_name(const struct export_job *job, uint32_t frame, char *text, size_t room)
{
    const struct frame *f = &job->analysis->frames[frame];
    if (f->function) {
        snprintf(text, room, "%s", f->function);
    } else {
        trace_name(job->trace, f->address, text, room);
    }
}

/* The bytes of the character at `text` if it is well formed UTF-8, else 0. */
static unsigned well_formed(const unsigned char *text)
{
    unsigned n = text[0] < 0x80                      ? 1
                 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                 : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                 : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                     : 0;
    for (unsigned i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool too_long = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    bool no_character = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
    return too_long || no_character ? 0 : n;
}

void export_quote(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        unsigned n = well_formed(c);
        if (n == 0) {
            fputc('?', out);
        } else if (*c == '"' || *c == '\\') {
            fprintf(out, "\\%c", *c);
        } else if (*c < 0x20) {
            fprintf(out, "\\u%04x", *c);
        } else {
            fwrite(c, 1, n, out);
        }
        c += n ? n : 1;
    }
    fputc('"', out);
}
