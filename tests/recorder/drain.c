/* SPDX-License-Identifier: MIT
 * drain.c: runs a program under libpoolkit-record.so and prints what came, one "name value" a line.
 *
 *   drain [-s none|caller|fp|cfi] [-fdvqwtxp] LIBRARY PROGRAM [ARGUMENT...]
 *
 * -f: frees carry stacks. -d: a full ring drops. -v: also each stack's number and frames. -p: the
 * recording is paused. -q, -w, -t, -x: see struct manner.
 * Exits with 1 if a record was not as wire.h says, otherwise with the program's code.
 */
#include "rings.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static const char *const op_names[TRACE_OP_END] = {
    [TRACE_MALLOC] = "malloc",
    [TRACE_CALLOC] = "calloc",
    [TRACE_ALIGNED] = "aligned",
    [TRACE_NEW] = "new",
    [TRACE_NEW_ARRAY] = "new_array",
    [TRACE_NEW_ALIGNED] = "new_aligned",
    [TRACE_NEW_ARRAY_ALIGNED] = "new_array_aligned",
    [TRACE_REALLOC] = "realloc",
    [TRACE_REALLOC_FAILED] = "realloc_failed",
    [TRACE_FREE] = "free",
    [TRACE_DELETE] = "delete",
    [TRACE_DELETE_ARRAY] = "delete_array",
    [TRACE_DELETE_ALIGNED] = "delete_aligned",
    [TRACE_DELETE_ARRAY_ALIGNED] = "delete_array_aligned",
    [TRACE_REALLOC_TAKES] = "realloc_takes",
};

static void show_stack(void *context, const struct reader_ring *ring, const uint64_t *words)
{
    (void)context, (void)ring;
    if ((words[0] & 0xff) == PKI_WIRE_STACK) {
        printf("stack %u", (unsigned)words[1]);
        for (uint64_t i = 0; i < words[1] >> 32; i++)
            printf(" %llx", (unsigned long long)words[2 + i]);
        printf("\n");
    }
}

static pid_t start(const char *library, char **program, const char *dir)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("LD_PRELOAD", library, 1);
        setenv(PKI_RECORD_DIR, dir, 1);
        execvp(program[0], program);
        _exit(127);
    }
    return child;
}

/* What is done with the rings, beside reading them. */
struct manner {
    bool skip;   /* as if everything had been read: for measurements */
    bool slow;   /* looks every 20 ms only */
    bool toggle; /* stops and starts the recording */
    bool die;    /* ends as soon as there is a ring, and tells nobody */
};

static uint64_t skip_all(struct reader *r)
{
    uint64_t words = 0;
    reader_look(r);
    for (size_t i = 0; i < r->count; i++) {
        struct pki_wire_ring *ring = r->rings[i].head;
        uint64_t end = atomic_load(&ring->written);
        words += end - atomic_load(&ring->read);
        atomic_store(&ring->read, end);
    }
    return words;
}

static uint64_t drain(struct reader *r, const struct manner *how)
{
    uint64_t words = how->skip ? skip_all(r) : reader_drain(r);
    if (how->die && r->count) _exit(0);
    if (how->toggle) atomic_fetch_xor(&r->control->recording, 1);
    return words;
}

static int follow(struct reader *r, pid_t child, const struct manner *how)
{
    const struct timespec limit = {.tv_nsec = 5000000};
    int status;
    for (;;) {
        uint32_t seen = atomic_load(&r->control->wake);
        pid_t ended = waitpid(child, &status, WNOHANG);
        uint64_t words = drain(r, how);
        if (ended == child) break;
        if (how->slow) {
            usleep(20000);
        } else if (words == 0) {
            syscall(SYS_futex, &r->control->wake, FUTEX_WAIT, seen, &limit, NULL, 0);
        }
    }
    while (drain(r, how)) {}
    return status;
}

static void show_images(const char *dir)
{
    size_t bytes;
    DIR *folder = opendir(dir);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length < 6 || strcmp(entry->d_name + length - 6, ".image") != 0) continue;
        const struct pki_wire_image *image = reader_map(dir, entry->d_name, &bytes);
        if (!image) continue;
        printf("image pid=%d parent=%d forked=%u ended=%u stacks=%u lost=%llu anonymous=%llu"
               " memo=%llu/%llu unwind=%llu/%llu/%llu/%llu program=%s\n",
               image->pid, image->parent, image->forked, image->ended, image->stacks,
               (unsigned long long)image->lost, (unsigned long long)image->anonymous,
               (unsigned long long)image->memo_wrong, (unsigned long long)image->memo_checked,
               (unsigned long long)image->unwind_wrong, (unsigned long long)image->unwind_short,
               (unsigned long long)image->unwind_long, (unsigned long long)image->unwind_checked,
               image->program);
    }
    if (folder) closedir(folder);
}

static void show(struct reader *r)
{
    for (size_t i = 0; i < r->count; i++) r->gaps += atomic_load(&r->rings[i].head->untold);
    for (int op = 0; op < TRACE_OP_END; op++) {
        if (op_names[op]) printf("%s %llu\n", op_names[op], (unsigned long long)r->ops[op]);
    }
    printf("events %llu\ngaps %llu\nrings %zu\nthreads %llu\nthread_ends %llu\n",
           (unsigned long long)r->events, (unsigned long long)r->gaps, r->count,
           (unsigned long long)r->threads, (unsigned long long)r->thread_ends);
    printf("stacks %llu\nmodules %llu\nmodules_gone %llu\nbad %llu\n",
           (unsigned long long)r->stacks, (unsigned long long)r->modules,
           (unsigned long long)r->modules_gone, (unsigned long long)r->bad);
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    printf("cpu_us %ld\n", (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L +
                               used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    show_images(r->dir);
}

static enum pki_wire_stacks stacks_called(const char *name)
{
    static const char *const names[] = {"none", "caller", "fp", "cfi"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0) return (enum pki_wire_stacks)i;
    }
    exit(2);
}

int main(int argc, char **argv)
{
    static struct reader r;
    enum pki_wire_stacks stacks = PKI_STACKS_NONE;
    bool free_stacks = false, drop = false, paused = false, verbose = false;
    struct manner how = {0};
    for (int option; (option = getopt(argc, argv, "+s:fdvqwtxp")) != -1;) {
        switch (option) {
        case 's':
            stacks = stacks_called(optarg);
            break;
        case 'f':
            free_stacks = true;
            break;
        case 'd':
            drop = true;
            break;
        case 'q':
            how.skip = true;
            break;
        case 'w':
            how.slow = true;
            break;
        case 't':
            how.toggle = true;
            break;
        case 'x':
            how.die = true;
            break;
        case 'p':
            paused = true;
            break;
        case 'v':
            verbose = true;
            break;
        default:
            return 2;
        }
    }
    const char *shm = getenv("TEST_SHM");
    char dir[256];
    snprintf(dir, sizeof dir, "%s/poolkit-drain-XXXXXX", shm ? shm : "/dev/shm");
    if (argc - optind < 2 || !mkdtemp(dir) || !reader_open(&r, dir, stacks)) return 2;
    r.control->free_stacks = free_stacks;
    r.control->may_drop = drop;
    atomic_store(&r.control->recording, !paused);
    r.seen = verbose ? show_stack : NULL;
    int status = follow(&r, start(argv[optind], argv + optind + 1, dir), &how);
    show(&r);
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    if (system(command) != 0 || r.bad) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
