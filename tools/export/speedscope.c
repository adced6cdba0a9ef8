/* SPDX-License-Identifier: MIT
 * speedscope.c: speedscope's own format: the frames once, and a sampled profile for each metric.
 */
#include "export.h"

static void write_frames(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    for (size_t i = 0; i < a->n_frames; i++) {
        char name[512];
        export_name(job, (uint32_t)i, name, sizeof name);
        fputs(i ? ",\n{\"name\":" : "\n{\"name\":", job->out);
        export_quote(job->out, name);
        if (a->frames[i].file) {
            fputs(",\"file\":", job->out);
            export_quote(job->out, a->frames[i].file);
            fprintf(job->out, ",\"line\":%u", a->frames[i].line);
        }
        fputc('}', job->out);
    }
}

static void write_samples(struct export_job *job, enum export_metric metric)
{
    const struct analysis *a = job->analysis;
    bool first = true;
    for (uint32_t i = 0; i <= a->n_stacks; i++) {
        const struct stack *stack = &a->stacks[i];
        if (export_value(&stack->did, metric) > 0) {
            fputs(first ? "\n[" : ",\n[", job->out);
            for (uint32_t k = stack->n_frames; k-- > 0;) {
                fprintf(job->out, "%u%s", stack->frames[k], k ? "," : "");
            }
            fputc(']', job->out);
            first = false;
        }
    }
}

static uint64_t write_weights(struct export_job *job, enum export_metric metric)
{
    const struct analysis *a = job->analysis;
    uint64_t sum = 0;
    for (uint32_t i = 0; i <= a->n_stacks; i++) {
        uint64_t value = export_value(&a->stacks[i].did, metric);
        if (value > 0) {
            fprintf(job->out, "%s%llu", sum ? "," : "", (unsigned long long)value);
            sum += value;
        }
    }
    return sum;
}

static void write_profile(struct export_job *job, const char *name, enum export_metric metric)
{
    fprintf(job->out, "{\"type\":\"sampled\",\"name\":\"%s\",\"unit\":\"%s\",\"samples\":[", name,
            metric == EXPORT_ALLOCATIONS ? "none" : "bytes");
    write_samples(job, metric);
    fputs("],\n\"weights\":[", job->out);
    uint64_t sum = write_weights(job, metric);
    fprintf(job->out, "],\"startValue\":0,\"endValue\":%llu}", (unsigned long long)sum);
}

bool export_speedscope(struct export_job *job)
{
    fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
          "\"exporter\":\"poolkit\",\"name\":",
          job->out);
    export_quote(job->out, trace_info(job->trace)->command);
    fputs(",\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[", job->out);
    write_frames(job);
    fputs("]},\n\"profiles\":[\n", job->out);
    write_profile(job, "bytes allocated", EXPORT_BYTES);
    fputs(",\n", job->out);
    write_profile(job, "allocations", EXPORT_ALLOCATIONS);
    fputs(",\n", job->out);
    write_profile(job, "live at each stack's peak", EXPORT_PEAK);
    fputs(",\n", job->out);
    write_profile(job, "live at the end", EXPORT_LIVE);
    fputs("]}\n", job->out);
    return true;
}
