/* SPDX-License-Identifier: MIT
 * fuzz_reader.c: whatever bytes a file holds, the reader and the resolver come to an end.
 *
 * A fuzzer's entry, for clang -fsanitize=fuzzer; with FUZZ_FILES a program that reads the files
 * named in its arguments. The first byte chooses: even, the rest is the file; odd, the rest is the
 * chunks' contents, each after its kind and length, which are packed and summed as the writer does
 * it: so that the fuzzer comes past the checksums. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace/chunks.h"
#include "trace/objects.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char why[TRACE_WHY];

static void write_contents(int fd, const uint8_t *data, size_t size)
{
    struct pki_sink sink;
    if (!pki_sink_open(&sink, fd, why) || !pki_sink_head(&sink, why)) abort();
    while (size >= 3) {
        size_t n = (size_t)data[1] | (size_t)data[2] << 8;
        if (n > size - 3) n = size - 3;
        struct pki_bytes content = {0};
        if (!pki_bytes_add(&content, data + 3, n)) abort();
        pki_sink_put(&sink, (enum trace_kind)(data[0] % TRACE_KIND_END), &content, why);
        pki_bytes_drop(&content);
        data += 3 + n;
        size -= 3 + n;
    }
    pki_sink_close(&sink);
}

static void look(const struct trace *t)
{
    const uint64_t *frames;
    const struct trace_frame *functions;
    volatile uint64_t sum = trace_duration(t) + trace_dropped(t) + trace_bytes(t);
    char name[40];
    for (size_t i = 0; i < trace_modules(t); i++) sum += strlen(trace_module(t, i)->path);
    for (size_t i = 0; i < trace_threads(t); i++) sum += strlen(trace_thread(t, i)->name);
    for (size_t i = 0; i < trace_samples(t); i++) sum += trace_sample(t, i)->time;
    for (uint32_t stack = 0; stack <= trace_stacks(t); stack++) {
        size_t n = trace_stack(t, stack, &frames);
        for (size_t i = 0; i < n && i < 8; i++) {
            trace_name(t, frames[i], name, sizeof name);
            sum += trace_symbol(t, frames[i], &functions) + strlen(name);
        }
    }
}

static void read_all(struct trace *t)
{
    static struct trace_event events[TRACE_BLOCK];
    struct trace_change change[2];
    struct trace_resolver *r = trace_resolver_create();
    if (!r) abort();
    for (int n; (n = trace_read(t, events, why)) > 0;) {
        for (int i = 0; i < n; i++) {
            if (events[i].stack > trace_stacks(t) || events[i].thread >= trace_threads(t)) abort();
            if (trace_resolver_take(r, &events[i], change) < 0) abort();
        }
    }
    trace_resolver_destroy(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[40];
    if (size == 0) return 0;
    int fd = memfd_create("trace", 0);
    if (fd < 0) abort();
    if (data[0] % 2) {
        write_contents(fd, data + 1, size - 1);
    } else if (write(fd, data + 1, size - 1) < 0) {
        abort();
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct trace *t = trace_open(path, why);
    if (t) {
        look(t);
        read_all(t);
    } else if (!*why) {
        abort();
    }
    trace_end(t);
    close(fd);
    return 0;
}

#if defined(FUZZ_FILES)
int main(int argc, char **argv)
{
    static uint8_t data[1 << 20];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        size_t n = file ? fread(data, 1, sizeof data, file) : 0;
        if (n) LLVMFuzzerTestOneInput(data, n);
        if (file) fclose(file);
    }
    return 0;
}
#endif
