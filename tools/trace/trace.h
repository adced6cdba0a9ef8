/* SPDX-License-Identifier: MIT
 * trace.h: the file that holds a recording: every allocation and free of one process, in order.
 *
 * docs/trace-format.md describes it byte by byte. In short: a head of 16 bytes, then chunks, each
 * compressed and checksummed by itself. Chunks of events hold up to TRACE_BLOCK events as columns;
 * other chunks tell what the events' numbers mean (stacks, modules, threads, names of functions),
 * what was seen beside them (resident memory), and the last one that the recording is whole.
 *
 * The reader believes nothing: sizes, numbers and counts are checked before they are used, and a
 * damaged file gives one clear sentence and no crash. A file that only ends early (the recorder was
 * killed, the disk was full) can be read up to there.
 *
 * Errors: functions that can fail return false or NULL and leave a sentence in the `why` given, an
 * array of TRACE_WHY bytes. Not thread-safe: one thread at a time for one writer or reader.
 */
#ifndef POOLKIT_TRACE_TRACE_H
#define POOLKIT_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_VERSION 1
/* Most events of one chunk. Of g++ they take 5 percent less than in chunks of 65,536; in twice as
 * large ones again 3 percent, but then the writer's tables no longer fit the cache beside python3. */
#define TRACE_BLOCK 131072
/* Nanoseconds: times are kept to this. In steps of 1 us they take a quarter of all bytes of g++'s
 * events, in these next to nothing; the order of events is kept in any case. */
#define TRACE_TICK 10000
#define TRACE_WHY 256

/* What happened. A block comes (TRACE_COMES) or goes. realloc of a block is two events of the same
 * thread: TRACE_REALLOC_TAKES before the call, TRACE_REALLOC after it, with the block's new address
 * (perhaps the same), or TRACE_REALLOC_FAILED, with the old one. Other threads' events may stand
 * between; this thread's do not, except those of a signal handler. realloc(NULL, n) is TRACE_MALLOC,
 * realloc(p, 0) that frees is TRACE_FREE. */
enum trace_op {
    TRACE_MALLOC,
    TRACE_CALLOC,
    TRACE_ALIGNED, /* aligned_alloc, memalign, posix_memalign, valloc, pvalloc */
    TRACE_NEW,
    TRACE_NEW_ARRAY,
    TRACE_NEW_ALIGNED,
    TRACE_NEW_ARRAY_ALIGNED,
    TRACE_REALLOC,
    TRACE_REALLOC_FAILED,
    TRACE_COMES_END, /* all above bring a block, all below take one away */
    TRACE_FREE = 16,
    TRACE_DELETE,
    TRACE_DELETE_ARRAY,
    TRACE_DELETE_ALIGNED,
    TRACE_DELETE_ARRAY_ALIGNED,
    TRACE_REALLOC_TAKES,
    TRACE_OP_END
};

struct trace_event {
    uint64_t time;    /* nanoseconds since the recording began */
    uint64_t address; /* as the program saw it */
    uint64_t size;    /* requested bytes; of a sized delete what it told, otherwise 0 */
    uint32_t stack;   /* number of the call stack, 0 = not recorded */
    uint16_t thread;  /* index into the threads */
    uint8_t op;       /* enum trace_op */
    uint8_t align;    /* log2 of the alignment asked for, 0 = none asked */
};

static inline bool trace_comes(uint8_t op) { return op < TRACE_COMES_END; }

struct trace_info {
    const char *command;   /* as a shell would read it */
    const char *program;   /* path of the executable */
    const char *host;      /* kernel, libc, processor: one line */
    const char *allocator; /* "glibc 2.36", or the library that was preloaded behind the recorder */
    const char *stacks;    /* "cfi", "fp", "caller", "none" */
    int64_t pid, parent;   /* process ids */
    int64_t wall;          /* seconds since 1970 when the recording began */
    uint64_t base_anonymous; /* resident anonymous bytes of the process before its first event */
    bool forked;             /* a fork's child: frees of blocks it inherited are expected */
};

struct trace_thread {
    int64_t tid;
    char name[16]; /* ended by 0 */
};

struct trace_module {
    uint64_t bias, start, end; /* load bias, address range */
    const char *path;
    const char *build_id; /* hexadecimal, "" if it has none */
};

/* What the process held at one moment, in bytes, from /proc. */
struct trace_sample {
    uint64_t time;                    /* nanoseconds */
    uint64_t anonymous, file, shared; /* resident */
    uint64_t virtual_size;
};

/* One function at an address. Where functions are inlined into each other an address has several,
 * innermost first: the first is the one whose line stands there. `line` 0 and `file` "" if unknown. */
struct trace_frame {
    const char *function; /* demangled */
    const char *file;
    uint32_t line;
};

/* ---- writing ---- */
struct trace_writer;
struct trace_writer *trace_create(const char *path, const struct trace_info *info, char *why);
/* Events must come in order. Times may not fall; one that does is raised. A number of a stack that
 * is more than 65,536 above how many are defined is kept as 0. False, of this and all that follow:
 * the file could not be written, or there is no memory; trace_close tells. */
bool trace_put(struct trace_writer *w, const struct trace_event *event);
/* Numbers of stacks start at 1; each number once. Frames are return addresses, innermost first; the
 * innermost 1024 are kept. A stack beyond what a file may hold (docs/trace-format.md) is left out. */
bool trace_put_stack(struct trace_writer *w, uint32_t stack, const uint64_t *frames, size_t n);
/* Returns the thread's index, or -1 as above. From the 65,536th on all threads share the last one. */
int trace_put_thread(struct trace_writer *w, const struct trace_thread *thread);
bool trace_put_module(struct trace_writer *w, const struct trace_module *module);
bool trace_put_sample(struct trace_writer *w, const struct trace_sample *sample);
bool trace_put_gap(struct trace_writer *w, uint64_t time, uint32_t thread, uint64_t events);
/* The functions at one return address, innermost first. */
bool trace_put_symbol(struct trace_writer *w, uint64_t address, const struct trace_frame *frames,
                      size_t n);
/* Writes out what is buffered, so that a reader finds it. */
bool trace_flush(struct trace_writer *w);
/* whole: false leaves the file marked as cut short. False if anything could not be written. */
bool trace_close(struct trace_writer *w, bool whole, char *why);
uint64_t trace_written_bytes(const struct trace_writer *w);

/* ---- reading ---- */
struct trace;
/* Reads all but the events and checks every chunk's head. NULL: not a trace, damaged, unreadable. */
struct trace *trace_open(const char *path, char *why);
void trace_end(struct trace *t);
const struct trace_info *trace_info(const struct trace *t);
/* False if the file ends early: then everything up to there is given. */
bool trace_whole(const struct trace *t);
uint64_t trace_events(const struct trace *t);   /* how many there are */
uint64_t trace_bytes(const struct trace *t);    /* of the file */
uint64_t trace_duration(const struct trace *t); /* ns, the last event's or sample's time */

size_t trace_threads(const struct trace *t);
const struct trace_thread *trace_thread(const struct trace *t, size_t index);
size_t trace_modules(const struct trace *t);
const struct trace_module *trace_module(const struct trace *t, size_t index);
size_t trace_samples(const struct trace *t);
const struct trace_sample *trace_sample(const struct trace *t, size_t index);
uint64_t trace_dropped(const struct trace *t); /* events, over all gaps */

/* Stacks 1 ... trace_stacks: no event has a greater number, nor a thread of trace_threads or above.
 * The frames of one (none if the number was never defined). */
size_t trace_stacks(const struct trace *t);
size_t trace_stack(const struct trace *t, uint32_t stack, const uint64_t **frames);
/* Functions at a return address, innermost first; 0 if they are not in the file. */
size_t trace_symbol(const struct trace *t, uint64_t address, const struct trace_frame **frames);
/* "name" or "module+0x1234": never empty; for one line of text. `text` is cut to `room`. */
void trace_name(const struct trace *t, uint64_t address, char *text, size_t room);

/* The events, in order, a block at a time: fills up to TRACE_BLOCK and returns how many; 0 at the
 * end; -1 if a chunk turns out damaged (then `why` tells). */
int trace_read(struct trace *t, struct trace_event *events, char *why);
void trace_rewind(struct trace *t);

/* Adds chunks to a file in place of its end: for names resolved later. One that is cut short stays
 * that, also if it is closed as whole. */
struct trace_writer *trace_append(const char *path, char *why);

#endif
