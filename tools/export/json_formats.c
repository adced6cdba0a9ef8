/* SPDX-License-Identifier: MIT
 * json_formats.c: DHAT's file (version 2, with lifetimes), and the JSON of Perfetto and Chrome.
 */
#include "export.h"

/* Lifetimes were counted by powers of two; a bucket stands for its middle. */
static uint64_t lifetimes(const struct behaviour *did)
{
    double sum = 0;
    for (unsigned i = 1; i < LIFE_BUCKETS; i++) {
        sum += did->life_ns[i] * 0.75 * (double)(UINT64_C(1) << i);
    }
    return (uint64_t)(sum / 1000);
}

static void write_point(struct export_job *job, const struct stack *stack, bool first)
{
    const struct behaviour *did = &stack->did;
    double mean = (double)did->bytes / (double)did->allocations;
    uint64_t most = mean > 0 ? (uint64_t)((double)did->peak_live / mean) : 0;
    fprintf(job->out,
            "%s\n{\"tb\":%llu,\"tbk\":%llu,\"tl\":%llu,\"mb\":%llu,\"mbk\":%llu,"
            "\"gb\":%llu,\"gbk\":%llu,\"eb\":%llu,\"ebk\":%llu,\"fs\":[",
            first ? "" : ",", (unsigned long long)did->bytes, (unsigned long long)did->allocations,
            (unsigned long long)lifetimes(did), (unsigned long long)did->peak_live,
            (unsigned long long)most, (unsigned long long)did->peak_live, (unsigned long long)most,
            (unsigned long long)did->live, (unsigned long long)(did->allocations - did->frees));
    for (uint32_t i = 0; i < stack->n_frames; i++) {
        fprintf(job->out, "%s%u", i ? "," : "", stack->frames[i] + 1);
    }
    fputs(stack->n_frames ? "]}" : "0]}", job->out);
}

static void write_table(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    fputs("],\n\"ftbl\":[\"[root]\"", job->out);
    for (size_t i = 0; i < a->n_frames; i++) {
        char name[512], text[1200];
        export_name(job, (uint32_t)i, name, sizeof name);
        snprintf(text, sizeof text, "0x%llx: %s (%.400s:%u)",
                 (unsigned long long)a->frames[i].address, name,
                 a->frames[i].file ? a->frames[i].file : "?", a->frames[i].line);
        fputs(",\n", job->out);
        export_quote(job->out, text);
    }
    fputs("]}\n", job->out);
}

bool export_dhat(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    bool first = true;
    fputs("{\"dhatFileVersion\":2,\"mode\":\"heap\",\"verb\":\"Allocated\",\"bklt\":true,"
          "\"bkacc\":false,\"tu\":\"µs\",\"Mtu\":\"s\",\"tuth\":100,\"cmd\":",
          job->out);
    export_quote(job->out, trace_info(job->trace)->command);
    fprintf(job->out, ",\"pid\":%lld,\"te\":%llu,\"tg\":%llu,\"pps\":[",
            (long long)trace_info(job->trace)->pid,
            (unsigned long long)trace_duration(job->trace) / 1000,
            (unsigned long long)a->peak_live_time / 1000);
    for (uint32_t i = 0; i <= a->n_stacks; i++) {
        if (a->stacks[i].did.allocations > 0) {
            write_point(job, &a->stacks[i], first);
            first = false;
        }
    }
    write_table(job);
    return true;
}

bool export_perfetto(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    long long pid = (long long)trace_info(job->trace)->pid;
    fprintf(job->out,
            "{\"traceEvents\":[\n{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%lld,"
            "\"args\":{\"name\":",
            pid);
    export_quote(job->out, trace_info(job->trace)->command);
    fputs("}}", job->out);
    for (size_t i = 0; i < a->n_times; i++) {
        const struct moment *m = &a->timeline[i];
        fprintf(job->out,
                ",\n{\"ph\":\"C\",\"pid\":%lld,\"ts\":%.3f,\"name\":\"memory\",\"args\":{"
                "\"live\":%llu,\"pinned\":%llu,\"resident\":%llu}}",
                pid, (double)m->time / 1000, (unsigned long long)m->live,
                (unsigned long long)m->pinned, (unsigned long long)m->resident);
        fprintf(job->out,
                ",\n{\"ph\":\"C\",\"pid\":%lld,\"ts\":%.3f,\"name\":\"traffic\",\"args\":{"
                "\"allocations\":%llu,\"frees\":%llu}}",
                pid, (double)m->time / 1000, (unsigned long long)m->allocations,
                (unsigned long long)m->frees);
    }
    fputs("],\"displayTimeUnit\":\"ms\"}\n", job->out);
    return true;
}

bool export_massif(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    fprintf(job->out, "desc: poolkit recording\ncmd: %s\ntime_unit: ms\n",
            trace_info(job->trace)->command);
    for (size_t i = 0; i < a->n_times; i++) {
        const struct moment *m = &a->timeline[i];
        uint64_t extra = m->usable > m->live ? m->usable - m->live : 0;
        fprintf(job->out,
                "#-----------\nsnapshot=%zu\n#-----------\ntime=%llu\nmem_heap_B=%llu\n"
                "mem_heap_extra_B=%llu\nmem_stacks_B=0\nheap_tree=empty\n",
                i, (unsigned long long)m->time / 1000000, (unsigned long long)m->live,
                (unsigned long long)extra);
    }
    return true;
}
