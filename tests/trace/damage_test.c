/* SPDX-License-Identifier: MIT
 * damage_test.c: a thousand damaged files. Each gives one clear sentence, or reads as cut short with
 * the events up to there; none gives other events than were written, a crash, or a table that the
 * file is too small for. */
#include "runner.h"
#include "trace_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "trace/chunks.h"

enum { EVENTS = 9000, FLUSH = 1500, CHUNKS_MOST = 64 };

static uint8_t *sound; /* the file as written */
static size_t sound_bytes;
static struct trace_event put[EVENTS];
static size_t border[CHUNKS_MOST]; /* of chunks, and the file's end */
static size_t n_borders;

static void put_beside(struct trace_writer *w, uint64_t i)
{
    struct trace_sample sample = {i * 100, i, i, i, i};
    struct trace_module module = {i, i, i + 100, "/lib/libc.so.6", "0123abcd"};
    struct trace_frame frames[] = {{"inner", "file.c", 1}, {"outer", "file.c", 2}};
    EXPECT(trace_put_sample(w, &sample) && trace_put_module(w, &module));
    EXPECT(trace_put_symbol(w, i, frames, 2) && trace_put_gap(w, i, 0, 1));
}

static void write_sound(void)
{
    test_program program = {.random = rng_make(1)};
    struct trace_writer *w = test_create();
    struct trace_thread thread = {.tid = 1, .name = "main"};
    for (int i = 0; i < 3; i++) EXPECT(trace_put_thread(w, &thread) == i);
    test_put_stacks(w, 20);
    for (uint64_t i = 0; i < EVENTS; i++) {
        put[i] = test_program_event(&program);
        EXPECT(trace_put(w, &put[i]));
        if (i % 500 == 0) put_beside(w, i);
        if (i % FLUSH == FLUSH - 1) EXPECT(trace_flush(w));
    }
    test_close(w);
}

static void find_borders(void)
{
    for (size_t at = TRACE_HEAD; at < sound_bytes;) {
        border[n_borders++] = at;
        at += TRACE_CHUNK_HEAD + (pki_get_u32(sound + at) >> TRACE_KIND_BITS);
        EXPECT(at <= sound_bytes && n_borders < CHUNKS_MOST);
    }
    border[n_borders] = sound_bytes;
}

static void setup(void)
{
    struct stat about;
    test_path_make();
    write_sound();
    int fd = open(test_path, O_RDONLY);
    EXPECT(fd >= 0 && fstat(fd, &about) == 0);
    sound_bytes = (size_t)about.st_size;
    sound = malloc(sound_bytes);
    EXPECT(sound && read(fd, sound, sound_bytes) == (ssize_t)sound_bytes);
    close(fd);
    n_borders = 0;
    find_borders();
    EXPECT_AT(n_borders > 20, n_borders, 0);
    /* No table may be larger than a few times what a trace may hold. */
    struct rlimit most = {UINT64_C(1) << 30, UINT64_C(1) << 30};
    if (memory_is_measurable()) EXPECT(setrlimit(RLIMIT_AS, &most) == 0);
}

static void teardown(void)
{
    free(sound);
    test_path_remove();
}

static void write_file(const uint8_t *bytes, size_t n)
{
    int fd = open(test_path, O_WRONLY | O_TRUNC);
    EXPECT(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

static void expect_sentence(void)
{
    static const char *const kinds[] = {"is damaged: ", "is cut short after ",
                                        "is not a poolkit trace", "has version ", "is empty"};
    size_t n = strlen(test_path), found = 0;
    EXPECT_AT(strncmp(test_why, test_path, n) == 0 && test_why[n] == ':', n, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        found += strstr(test_why, kinds[i]) != NULL;
    }
    if (found == 0) fprintf(stderr, "%s\n", test_why);
    EXPECT(found > 0 && strlen(test_why) < TRACE_WHY - 1 && !strchr(test_why, '\n'));
}

enum outcome { REFUSED, CUT_SHORT, WHOLE };

/* Reads the file to its end. Whatever is given must be what was written. */
static enum outcome read_file(uint64_t *events)
{
    int n;
    *events = 0;
    memset(test_why, 0, sizeof test_why);
    struct trace *t = trace_open(test_path, test_why);
    if (!t) {
        expect_sentence();
        return REFUSED;
    }
    while ((n = trace_read(t, test_events(), test_why)) > 0) {
        for (int i = 0; i < n; i++, ++*events) {
            EXPECT_AT(*events < EVENTS, *events, i);
            EXPECT_AT(test_same_event(&test_events()[i], &put[*events]), *events, i);
        }
    }
    bool whole = trace_whole(t);
    EXPECT_AT(n < 0 || *events == trace_events(t), *events, trace_events(t));
    EXPECT_AT(n < 0 || !whole || *events == EVENTS, *events, n);
    trace_end(t);
    if (n < 0) expect_sentence();
    return n < 0 ? REFUSED : whole ? WHOLE : CUT_SHORT;
}

START_TEST(test_sound)
{
    uint64_t events;
    ck_assert_int_eq(read_file(&events), WHOLE);
}
END_TEST

static void cut_at(size_t n)
{
    uint64_t events, complete = 0;
    write_file(sound, n);
    enum outcome outcome = read_file(&events);
    if (n < border[1]) { /* not even the first chunk */
        EXPECT_AT(outcome == REFUSED, n, outcome);
        EXPECT_AT(n == 0 || strstr(test_why, "is cut short after "), n, 0);
        return;
    }
    for (size_t i = 0; i + 1 < n_borders && border[i + 1] <= n; i++) {
        complete += (pki_get_u32(sound + border[i]) % (1u << TRACE_KIND_BITS)) == TRACE_EVENTS;
    }
    EXPECT_AT(outcome == CUT_SHORT && events == complete * FLUSH, n, events);
}

/* 16 + 3 per chunk + 250 */
START_TEST(test_cut)
{
    rng r = rng_make(2);
    for (size_t n = 0; n < TRACE_HEAD; n++) cut_at(n);
    for (size_t i = 0; i < n_borders; i++) {
        cut_at(border[i]);
        cut_at(border[i] + 1);
        cut_at(border[i + 1] - 1);
    }
    for (int i = 0; i < 250; i++) cut_at(rng_below(&r, sound_bytes));
}
END_TEST

/* A file with one byte changed is refused; but for a few bits of the compressed frames that mean
 * nothing: then all of it is read as it was written. True if it was refused. */
static bool change_byte(uint8_t *copy, size_t at, uint8_t value)
{
    uint64_t events;
    copy[at] = value;
    write_file(copy, sound_bytes);
    enum outcome outcome = read_file(&events);
    EXPECT_AT(outcome != CUT_SHORT && (outcome == REFUSED || events == EVENTS), at, value);
    copy[at] = sound[at];
    return outcome == REFUSED;
}

START_TEST(test_flipped)
{
    rng r = rng_make(3);
    size_t refused = 0;
    uint8_t *copy = malloc(sound_bytes);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, sound, sound_bytes);
    for (size_t i = 0; i < 400; i++) { /* half of them in heads: of the file, chunks, frames */
        size_t at = i % 2 ? rng_below(&r, sound_bytes)
                          : border[rng_below(&r, n_borders)] + rng_below(&r, 20);
        if (i < 80) at = i / 5;
        refused += change_byte(copy, at, (uint8_t)(sound[at] ^ 1u << rng_below(&r, 8)));
    }
    for (int i = 0; i < 200; i++) {
        size_t at = rng_below(&r, sound_bytes);
        refused += change_byte(copy, at, (uint8_t)(sound[at] + 1 + rng_below(&r, 255)));
    }
    free(copy);
    ck_assert_uint_ge(refused, 595); /* of 600 */
}
END_TEST

/* A bit that zstd itself does not look at. */
START_TEST(test_unused_bit)
{
    uint8_t *copy = malloc(sound_bytes);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, sound, sound_bytes);
    for (size_t i = 0; i < n_borders; i++) {
        size_t at = border[i] + TRACE_CHUNK_HEAD + 4;
        EXPECT_AT(change_byte(copy, at, sound[at] ^ 0x10), i, at);
    }
    free(copy);
}
END_TEST

/* The file with its chunks in the order of `order`, n of them. */
static enum outcome reorder(const size_t *order, size_t n)
{
    uint64_t events;
    uint8_t *copy = malloc(sound_bytes * 2);
    EXPECT(copy != NULL);
    memcpy(copy, sound, TRACE_HEAD);
    size_t at = TRACE_HEAD;
    for (size_t i = 0; i < n; i++) {
        size_t length = border[order[i] + 1] - border[order[i]];
        memcpy(copy + at, sound + border[order[i]], length);
        at += length;
    }
    write_file(copy, at);
    free(copy);
    return read_file(&events);
}

START_TEST(test_chunks_moved)
{
    size_t order[CHUNKS_MOST + 1];
    for (size_t i = 0; i < n_borders; i++) {
        size_t n = 0;
        for (size_t k = 0; k < n_borders; k++) order[k] = k;
        size_t other = (i + 1 + i % 5) % n_borders; /* swapped */
        order[i] = other;
        order[other] = i;
        EXPECT_AT(reorder(order, n_borders) == REFUSED, i, other);

        for (size_t k = 0; k < n_borders; k++) { /* lost */
            if (k != i) order[n++] = k;
        }
        EXPECT_AT(reorder(order, n) == (i + 1 < n_borders ? REFUSED : CUT_SHORT), i, n);

        n = 0;
        for (size_t k = 0; k < n_borders; k++) { /* doubled */
            order[n++] = k;
            if (k == i) order[n++] = k;
        }
        EXPECT_AT(reorder(order, n) == REFUSED, i, n);
    }
}
END_TEST

/* Heads that tell another length or kind, with the complement that belongs to it. */
START_TEST(test_lies)
{
    rng r = rng_make(4);
    uint64_t events;
    uint8_t *copy = malloc(sound_bytes);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, sound, sound_bytes);
    for (size_t i = 0; i < 150; i++) {
        size_t chunk = i % n_borders, at = border[chunk];
        uint32_t word = pki_get_u32(sound + at);
        uint32_t lie = i % 3 == 0   ? word ^ (uint32_t)(1 + rng_below(&r, 31))
                       : i % 3 == 1 ? word + (uint32_t)((1 + rng_below(&r, 100)) << TRACE_KIND_BITS)
                                    : (uint32_t)rng_next(&r);
        pki_put_u32(copy + at, lie);
        pki_put_u32(copy + at + 4, ~lie ^ (uint32_t)chunk);
        write_file(copy, sound_bytes);
        enum outcome outcome = read_file(&events);
        EXPECT_AT(outcome == REFUSED || (outcome == CUT_SHORT && i % 3), i, outcome);
        memcpy(copy + at, sound + at, TRACE_CHUNK_HEAD);
    }
    free(copy);
}
END_TEST

/* A chunk's content as an evil writer could make it, under a good checksum. */
static void spoil(rng *r, struct pki_bytes *content)
{
    size_t times = 1 + rng_below(r, 3);
    if (content->n == 0) return;
    for (size_t i = 0; i < times; i++) {
        size_t at = rng_below(r, rng_below(r, 2) ? content->n : content->n < 20 ? content->n : 20);
        content->at[at] = rng_below(r, 3) ? (uint8_t)rng_next(r) : 0xff;
    }
    if (rng_below(r, 4) == 0) content->n = rng_below(r, content->n);
}

/* Copies the file chunk by chunk; the content of number `spoiled` is another. */
static void copy_spoiled(rng *r, size_t spoiled, const char *from)
{
    struct pki_source source;
    struct pki_sink sink;
    struct pki_chunk chunk;
    struct pki_bytes content = {0};
    int fd = open(test_path, O_WRONLY | O_TRUNC);
    EXPECT(fd >= 0 && pki_source_open(&source, from, test_why));
    EXPECT(pki_sink_open(&sink, fd, test_why) && pki_sink_head(&sink, test_why));
    for (size_t i = 0; i < n_borders; i++) {
        EXPECT(pki_source_find(&source, border[i], (uint32_t)i, &chunk, test_why) == PKI_FOUND);
        EXPECT(pki_source_read(&source, &chunk, &content, test_why));
        if (i == spoiled) spoil(r, &content);
        EXPECT(pki_sink_put(&sink, chunk.kind, &content, test_why));
    }
    pki_bytes_drop(&content);
    pki_sink_close(&sink);
    pki_source_close(&source);
    close(fd);
}

START_TEST(test_spoiled)
{
    rng r = rng_make(5);
    char from[sizeof test_path + 8];
    snprintf(from, sizeof from, "%s.sound", test_path);
    ck_assert_int_eq(rename(test_path, from), 0);
    close(open(test_path, O_CREAT | O_WRONLY, 0600));
    size_t refused = 0;
    for (size_t i = 0; i < 300; i++) {
        copy_spoiled(&r, i % n_borders, from);
        struct trace *t = trace_open(test_path, test_why);
        int n = t ? 1 : -1;
        while (n > 0) n = trace_read(t, test_events(), test_why);
        if (n < 0) expect_sentence();
        refused += n < 0;
        trace_end(t);
    }
    unlink(from);
    ck_assert_uint_gt(refused, 100);
}
END_TEST

START_TEST(test_not_traces)
{
    static const char *const paths[] = {"/nonexistent/trace", "/", "/dev/zero"};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_ptr_null(trace_open(paths[i], test_why));
        ck_assert_int_eq(strncmp(test_why, paths[i], strlen(paths[i])), 0);
    }
    struct trace_info info = test_info();
    ck_assert_ptr_null(trace_create("/nonexistent/trace", &info, test_why));
    ck_assert_ptr_nonnull(strstr(test_why, "cannot be created"));
}
END_TEST

/* A full disk: the sentence tells, and what was written is whole up to there. */
START_TEST(test_full_disk)
{
    test_program program = {.random = rng_make(1)};
    struct rlimit most = {12000, 12000};
    signal(SIGXFSZ, SIG_IGN);
    struct trace_writer *w = test_create();
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &most), 0);
    bool ok = true;
    for (uint64_t i = 0; i < EVENTS && ok; i++) {
        struct trace_event e = test_program_event(&program);
        ok = trace_put(w, &e) && (i % FLUSH != FLUSH - 1 || trace_flush(w));
    }
    uint64_t written = trace_written_bytes(w);
    ck_assert(!ok && !trace_close(w, true, test_why));
    ck_assert_ptr_nonnull(strstr(test_why, "File too large"));
    struct trace *t = test_open();
    ck_assert(!trace_whole(t));
    ck_assert_uint_eq(trace_bytes(t), written); /* nothing of the chunk that did not fit */
    ck_assert_uint_gt(trace_events(t), 0);
    trace_end(t);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("trace damage");
    TCase *c = tcase_create("damage");
    tcase_add_checked_fixture(c, setup, teardown);
    ADD_CASE(s, c, 60, test_sound, test_cut, test_flipped, test_unused_bit, test_chunks_moved,
             test_lies, test_spoiled, test_not_traces, test_full_disk);
    return s;
}

TEST_MAIN(suite)
