/* SPDX-License-Identifier: MIT
 * image.c: the control page, the file of this program image, forks, the end.
 *
 * An image begins with the first call of malloc, or in the child of a fork with its first event.
 * Whether a fork has happened is told by a word that the kernel clears in every child, also in those
 * made without the C library; a child of vfork runs in its parent's memory and writes to the
 * parent's rings, which is right as the parent stands still.
 */
#include "recorder.h"
#include "shim/interpose.h"
#include "shim/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct pki_wire_control *pki_control;
struct pki_wire_image *pki_image;

static _Atomic uint32_t not_recorded; /* stays 0 */
_Atomic uint32_t *pki_epoch = &not_recorded;

static char directory[512];
static char image_name[64]; /* PID-START */
static atomic_flag starting = ATOMIC_FLAG_INIT;
static atomic_flag beginning = ATOMIC_FLAG_INIT;
static uint32_t epochs;

static void path_of(char *path, size_t room, bool finished, const char *suffix, unsigned number)
{
    if (finished && *suffix == 'i') {
        snprintf(path, room, "%s/%s.image", directory, image_name);
    } else if (finished) {
        snprintf(path, room, "%s/%s.%s%u", directory, image_name, suffix, number);
    } else {
        snprintf(path, room, "%s/tmp-%s.%u", directory, image_name, number);
    }
}

static void remove_unfinished(unsigned number)
{
    char path[sizeof directory + 128];
    path_of(path, sizeof path, false, "", number);
    syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

void *pki_file_make(size_t bytes, unsigned number)
{
    char path[sizeof directory + 128];
    path_of(path, sizeof path, false, "", number);
    int fd = pki_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
        return NULL;
    }
    void *memory = MAP_FAILED;
    if (syscall(SYS_fallocate, fd, 0, 0L, (long)bytes) == 0) {
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    pki_close(fd);
    if (memory == MAP_FAILED) {
        remove_unfinished(number);
        return NULL;
    }
    return memory;
}

bool pki_file_publish(const char *suffix, unsigned number)
{
    char made[sizeof directory + 128], path[sizeof directory + 128];
    path_of(made, sizeof made, false, "", number);
    path_of(path, sizeof path, true, suffix, number);
    return syscall(SYS_renameat, AT_FDCWD, made, AT_FDCWD, path) == 0;
}

struct pki_image_tables *pki_image_tables(void)
{
    return (void *)((char *)pki_image + PKI_WIRE_PAGE);
}

#define TABLE_FILES 1000000u /* numbers of their unfinished files, apart from those of rings */

struct pki_number_table *pki_image_table(unsigned level, size_t places)
{
    struct pki_number_table *_Atomic *slot = &pki_image_tables()->numbers[level];
    struct pki_number_table *table = atomic_load_explicit(slot, memory_order_acquire), *none = NULL;
    if (PKI_LIKELY(table)) {
        return table;
    }
    static _Atomic unsigned made;
    unsigned number = TABLE_FILES + atomic_fetch_add(&made, 1);
    size_t bytes = sizeof *table + places * sizeof *table->places;
    table = pki_file_make(bytes, number);
    if (!table) {
        return NULL;
    }
    remove_unfinished(number);
    table->mask = places - 1;
    table->bytes = bytes;
    if (!atomic_compare_exchange_strong(slot, &none, table)) {
        munmap(table, bytes);
        return none;
    }
    return table;
}

static void describe(struct pki_wire_image *image, bool forked)
{
    image->magic = PKI_WIRE_MAGIC;
    image->pid = (int32_t)getpid();
    image->parent = (int32_t)getppid();
    image->forked = forked;
    image->anonymous = pki_resident_exact(pki_resident_about());
    ssize_t n = readlink("/proc/self/exe", image->program, sizeof image->program - 1);
    image->program[n > 0 ? n : 0] = '\0';
    image->command_bytes =
        (uint32_t)pki_read_text("/proc/self/cmdline", image->command, sizeof image->command);
}

/* Nothing is recorded if it cannot be made. */
static bool begin_image(bool forked)
{
    uint64_t start = pki_ticks();
    snprintf(image_name, sizeof image_name, "%ld-%llx", (long)getpid(), (unsigned long long)start);
    struct pki_wire_image *image =
        pki_file_make(PKI_WIRE_PAGE + sizeof(struct pki_image_tables), 0);
    if (!image) {
        return false;
    }
    image->start = start;
    describe(image, forked);
    pki_image = image;
    return pki_file_publish("image", 0);
}

static struct pki_wire_control *open_control(void)
{
    char path[sizeof directory + 16];
    snprintf(path, sizeof path, "%s/control", directory);
    int fd = pki_open(path, O_RDWR, 0);
    if (fd < 0) {
        return NULL;
    }
    void *page = mmap(NULL, PKI_WIRE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    pki_close(fd);
    struct pki_wire_control *control = page;
    return page != MAP_FAILED && control->magic == PKI_WIRE_MAGIC ? control : NULL;
}

void pki_hook_start(void)
{
    const char *wanted = getenv(PKI_RECORD_DIR);
    if (!wanted || strlen(wanted) >= sizeof directory || atomic_flag_test_and_set(&starting)) {
        return;
    }
    int saved = errno;
    memcpy(directory, wanted, strlen(wanted) + 1);
    pki_control = open_control();
    _Atomic uint32_t *epoch = pki_control ? pki_word_cleared_by_fork() : NULL;
    if (epoch && begin_image(false)) {
        atomic_store(epoch, ++epochs);
        pki_epoch = epoch;
    }
    errno = saved;
}

/* In the child of a fork: all that is mapped belongs to the parent. */
static void forget_image(void)
{
    pki_rings_forget();
    for (unsigned level = 0; level < PKI_TABLES_MOST; level++) {
        struct pki_number_table *table = atomic_load(&pki_image_tables()->numbers[level]);
        if (table) {
            munmap(table, table->bytes);
        }
    }
    munmap(pki_image, PKI_WIRE_PAGE + sizeof(struct pki_image_tables));
}

/* The first event of a forked child. Its other threads, if it has any by now, wait. */
static void begin_child(void)
{
    while (atomic_flag_test_and_set_explicit(&beginning, memory_order_acquire)) {
        syscall(SYS_sched_yield);
    }
    if (!atomic_load(pki_epoch)) {
        int saved = errno;
        forget_image();
        if (begin_image(true)) {
            atomic_store(pki_epoch, ++epochs);
        } else {
            pki_epoch = &not_recorded;
        }
        errno = saved;
    }
    atomic_flag_clear_explicit(&beginning, memory_order_release);
}

bool pki_image_current(void)
{
    if (pki_epoch == &not_recorded || atomic_load(&pki_control->ended)) {
        return false;
    }
    if (!atomic_load(pki_epoch)) {
        begin_child();
    }
    return pki_epoch != &not_recorded;
}

void pki_recording_over(void)
{
    atomic_store(&pki_control->recording, 0);
    atomic_store(&pki_control->ended, 1);
}

__attribute__((constructor)) static void start(void) { pki_hook_start(); }

__attribute__((destructor)) static void finish(void)
{
    if (pki_epoch != &not_recorded && atomic_load(pki_epoch)) {
        atomic_store_explicit(&pki_image->ended, 1, memory_order_release);
    }
}
