/* SPDX-License-Identifier: MIT
 * lines.c: formats that are lines of text: collapsed stacks and CSV.
 */
#include <stdlib.h>
#include <string.h>

#include "export.h"

/* Root first, between semicolons, which therefore cannot stand in a name. */
static void write_folded(struct export_job *job, const struct stack *stack)
{
    char name[512];
    for (uint32_t i = stack->n_frames; i-- > 0;) {
        export_name(job, stack->frames[i], name, sizeof name);
        for (char *c = name; *c; c++) {
            *c = (char)(*c == ';' || *c == '\n' ? ':' : *c);
        }
        fprintf(job->out, "%s%s", name, i ? ";" : "");
    }
    if (stack->n_frames == 0) {
        fputs("(no call stack)", job->out);
    }
}

bool export_collapsed(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    for (uint32_t i = 0; i <= a->n_stacks; i++) {
        uint64_t value = export_value(&a->stacks[i].did, job->metric);
        if (a->stacks[i].did.allocations > 0 && value > 0) {
            write_folded(job, &a->stacks[i]);
            fprintf(job->out, " %llu\n", (unsigned long long)value);
        }
    }
    return true;
}

/* ---- CSV (RFC 4180) ---- */

static void write_field(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

static void write_stack_rows(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    fputs("stack,site,allocations,bytes,frees,peak_live,live_at_end,short_lived,pinned,frames\r\n",
          job->out);
    for (uint32_t i = 0; i <= a->n_stacks; i++) {
        const struct behaviour *did = &a->stacks[i].did;
        char *frames = NULL;
        size_t n = 0;
        FILE *text = did->allocations > 0 ? open_memstream(&frames, &n) : NULL;
        if (!text) {
            continue;
        }
        struct export_job inner = *job;
        inner.out = text;
        write_folded(&inner, &a->stacks[i]);
        fclose(text);
        fprintf(job->out, "%u,", i);
        write_field(job->out, a->sites[a->stacks[i].site].name);
        fprintf(job->out, ",%llu,%llu,%llu,%llu,%llu,%llu,%.0f,",
                (unsigned long long)did->allocations, (unsigned long long)did->bytes,
                (unsigned long long)did->frees, (unsigned long long)did->peak_live,
                (unsigned long long)did->live, (unsigned long long)did->short_lived, did->pinned);
        write_field(job->out, frames);
        fputs("\r\n", job->out);
        free(frames);
    }
}

static bool write_event_rows(struct export_job *job)
{
    static const char *const names[TRACE_OP_END] = {"malloc",        "calloc",  "aligned",
                                                    "new",           "new[]",   "new aligned",
                                                    "new[] aligned", "realloc", "realloc failed"};
    static const char *const goes[] = {"free",           "delete",           "delete[]",
                                       "delete aligned", "delete[] aligned", "realloc takes"};
    struct trace_event *events = malloc(TRACE_BLOCK * sizeof *events);
    int n = events ? 1 : -1;
    fputs("time_ns,thread,kind,address,bytes,alignment,stack\r\n", job->out);
    trace_rewind(job->trace);
    while (n > 0 && (n = trace_read(job->trace, events, job->why)) > 0) {
        for (int i = 0; i < n; i++) {
            const struct trace_event *e = &events[i];
            const char *kind = trace_comes(e->op) ? names[e->op] : goes[e->op - TRACE_FREE];
            fprintf(job->out, "%llu,%u,%s,0x%llx,%llu,%llu,%u\r\n", (unsigned long long)e->time,
                    e->thread, kind, (unsigned long long)e->address, (unsigned long long)e->size,
                    e->align ? 1ULL << e->align : 0ULL, e->stack);
        }
    }
    free(events);
    return n == 0;
}

bool export_csv(struct export_job *job)
{
    if (job->events) {
        return write_event_rows(job);
    }
    write_stack_rows(job);
    return true;
}
