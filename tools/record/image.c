/* SPDX-License-Identifier: MIT
 * image.c: a recorded image's files and its trace.
 *
 * Files are unlinked as soon as they are mapped: the folder stays small, and nothing is left in it
 * however we end.
 */
#include "record/image.h"
#include "record/session.h"

#include "poolkit/elffile.h"
#include "poolkit/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LEAST_WORDS 64

/* Maps a whole file of at least `least` bytes and unlinks it. */
static void *map_file(int folder, const char *name, size_t least, size_t *bytes)
{
    struct stat about = {0};
    int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    void *at = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &about) == 0 && about.st_size >= (off_t)least) {
        *bytes = (size_t)about.st_size;
        at = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    unlinkat(folder, name, 0);
    if (at == MAP_FAILED) {
        pki_note("%s in the spool folder cannot be used: %s", name, strerror(errno));
        return NULL;
    }
    return at;
}

static int open_status(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

struct image *image_attach(struct session *s, int folder, const char *name)
{
    size_t bytes;
    struct pki_wire_image *shared = map_file(folder, name, sizeof *shared, &bytes);
    if (shared && shared->magic != PKI_WIRE_MAGIC) {
        pki_note("the recorder library is of another version than poolkit");
        munmap(shared, bytes);
        shared = NULL;
    }
    if (!shared) {
        s->failed = true;
        return NULL;
    }
    struct image *image = pki_grow(NULL, 1, sizeof *image);
    *image = (struct image){.session = s, .shared = shared, .pid = shared->pid};
    snprintf(image->id, sizeof image->id, "%.*s", (int)strcspn(name, "."), name);
    image->start = shared->start;
    image->process = pidfd_open(image->pid, 0);
    image->status = open_status(image->pid);
    image_sample(image);
    return image;
}

void image_attach_ring(struct image *image, int folder, const char *name, unsigned number)
{
    size_t bytes;
    struct pki_wire_ring *shared =
        map_file(folder, name, PKI_WIRE_PAGE + LEAST_WORDS * sizeof(uint64_t), &bytes);
    if (!shared) {
        image->damaged = true;
        return;
    }
    uint64_t words = shared->words;
    if (shared->magic != PKI_WIRE_MAGIC || words < LEAST_WORDS || (words & (words - 1)) ||
        words > (bytes - PKI_WIRE_PAGE) / sizeof(uint64_t)) {
        image->damaged = true;
        munmap(shared, bytes);
        return;
    }
    struct ring *ring = pki_grow(NULL, 1, sizeof *ring);
    *ring = (struct ring){.shared = shared,
                          .data = (const uint64_t *)(const void *)((char *)shared + PKI_WIRE_PAGE),
                          .words = words,
                          .number = number,
                          .thread = -1};
    snprintf(ring->owner.name, sizeof ring->owner.name, "%s", "?");
    size_t n = ++image->n_rings;
    image->rings = pki_grow(image->rings, n, sizeof *image->rings);
    image->heap = pki_grow(image->heap, n, sizeof *image->heap);
    image->rings[n - 1] = ring;
}

/* The arguments so that a shell would read them as they were. */
static char *quoted(const struct pki_wire_image *shared)
{
    size_t n = shared->command_bytes < sizeof shared->command ? shared->command_bytes
                                                              : sizeof shared->command;
    /* A letter takes up to 4, and an empty word with its blank 3 for the 0 that ended it. */
    char *text = pki_grow(NULL, 4 * n + 4, 1), *to = text;
    for (size_t at = 0; at < n;) {
        const char *word = shared->command + at;
        size_t length = strnlen(word, n - at);
        size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789@%+=:,./_-");
        bool bare = length > 0 && plain >= length;
        to = at ? stpcpy(to, " ") : to;
        to = bare ? to : stpcpy(to, "'");
        for (size_t i = 0; i < length; i++) {
            to = word[i] == '\'' ? stpcpy(to, "'\\''") : (*to = word[i], to + 1);
        }
        to = bare ? to : stpcpy(to, "'");
        at += length + 1;
    }
    *to = '\0';
    return text;
}

/* What a program's malloc is when nothing was preloaded behind the recorder. */
static char *allocator_of(const struct image *image, const char *program)
{
    pki_elf elf;
    if (image->session->options->allocator) {
        return pki_copy(image->session->options->allocator);
    }
    if (pki_elf_read(program, &elf) && elf.allocator[0]) {
        return pki_copy(elf.allocator);
    }
    return pki_format("glibc %s", gnu_get_libc_version());
}

static struct trace_writer *create(struct image *image, char *why)
{
    static const char *const stacks[] = {"none", "caller", "fp", "cfi"};
    const struct pki_wire_image *shared = image->shared;
    const struct session *s = image->session;
    uint64_t age = ticks_since(image->start, ticks_now(&s->ticks));
    char *command = quoted(shared), *host = output_host();
    char *program = pki_format("%.*s", (int)sizeof shared->program, shared->program);
    char *allocator = allocator_of(image, program);
    struct trace_info info = {.command = command,
                              .program = program,
                              .host = host,
                              .allocator = allocator,
                              .stacks = stacks[s->options->stacks],
                              .pid = shared->pid,
                              .parent = shared->parent,
                              .wall = time(NULL) -
                                      (int64_t)(ticks_to_ns(&s->ticks, age) / UINT64_C(1000000000)),
                              .base_anonymous = shared->anonymous,
                              .forked = shared->forked != 0};
    struct trace_writer *writer = trace_create(image->file, &info, why);
    free(command);
    free(host);
    free(program);
    free(allocator);
    return writer;
}

static void forget_modules(struct image *image)
{
    for (size_t i = 0; i < image->n_modules; i++) {
        free((void *)(uintptr_t)image->modules[i].path);
        free((void *)(uintptr_t)image->modules[i].build_id);
    }
    free(image->modules);
    image->modules = NULL;
    image->n_modules = 0;
}

void image_give_up(struct image *image, const char *why)
{
    char reason[TRACE_WHY] = "it could not be written";
    image->discarded = true;
    image->session->failed = true;
    if (image->writer) {
        trace_close(image->writer, false, reason);
        image->writer = NULL;
    }
    pki_note("%s: %s; the program goes on unrecorded", image->file, why ? why : reason);
}

bool image_open_trace(struct image *image)
{
    char why[TRACE_WHY];
    if (image->writer || image->discarded) {
        return image->writer != NULL;
    }
    image->file = output_path(image->session, image);
    image->writer = create(image, why);
    if (!image->writer) {
        image_give_up(image, why);
        return false;
    }
    image->flushed = ticks_monotonic();
    bool good = true;
    for (size_t i = 0; i < image->n_modules; i++) {
        good = good && trace_put_module(image->writer, &image->modules[i]);
    }
    forget_modules(image);
    if (image->sample.virtual_size) {
        good = good && trace_put_sample(image->writer, &image->sample);
    }
    if (!good) {
        image_give_up(image, NULL);
    }
    return good;
}

void image_put_module(struct image *image, const struct trace_module *module)
{
    image->modules = pki_grow(image->modules, image->n_modules + 1, sizeof *image->modules);
    image->modules[image->n_modules++] = *module;
    if (image->writer) {
        bool good = trace_put_module(image->writer, module);
        forget_modules(image);
        if (!good) {
            image_give_up(image, NULL);
        }
    }
}

/* What a ring dropped after its last record: nothing in it tells of that. */
static void tell_late_gaps(struct image *image)
{
    for (size_t i = 0; i < image->n_rings; i++) {
        const struct ring *r = image->rings[i];
        uint64_t untold = atomic_load(&r->shared->untold);
        image->dropped += untold;
        if (untold > 0 && image->writer &&
            !trace_put_gap(image->writer, image->time, r->thread < 0 ? 0 : (uint32_t)r->thread,
                           untold)) {
            image_give_up(image, NULL);
        }
    }
}

void image_finish(struct image *image)
{
    char why[TRACE_WHY];
    image->dropped += atomic_load(&image->shared->lost);
    tell_late_gaps(image);
    if (image->writer && !trace_close(image->writer, !image->damaged, why)) {
        image->session->failed = true;
        pki_note("%s: %s", image->file, why);
    }
    image->writer = NULL;
    if (image->file && image->events == 0) {
        unlink(image->file);
    }
    if (image->damaged) {
        pki_note("process %ld has written over what it was recording: part of it is lost",
                 (long)image->pid);
    }
    for (size_t i = 0; i < image->n_rings; i++) {
        munmap(image->rings[i]->shared, PKI_WIRE_PAGE + image->rings[i]->words * sizeof(uint64_t));
        free(image->rings[i]);
    }
    munmap(image->shared, sizeof *image->shared);
    image->shared = NULL;
    image->n_rings = 0;
    free(image->rings);
    free(image->heap);
    free(image->stacks);
    image->rings = image->heap = NULL;
    image->stacks = NULL;
    forget_modules(image);
    if (image->process >= 0) {
        close(image->process);
    }
    if (image->status >= 0) {
        close(image->status);
    }
    image->process = image->status = -1;
}

void image_free(struct image *image)
{
    free(image->file);
    free(image);
}
