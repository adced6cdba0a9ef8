/* SPDX-License-Identifier: MIT
 * watch.c: what the player holds: at regular operations, and whenever the live bytes have grown.
 *
 * Resident anonymous memory comes from smaps_rollup, which counts page table entries: /proc/PID/status
 * has counters that lag behind by up to some hundred KiB. The footprint is the system's sum of
 * private writable mappings (the sixth number of statm), for which it keeps a counter. Both are
 * told relative to the moment before the first operation. The files that the player maps are
 * touched by then, so that the high water mark of the whole process tells of anonymous memory alone.
 */
#include "player.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define REGULAR 600     /* samples over a tape */
#define GROWTH_SHARE 64 /* and whenever so large a part of the live bytes is new */
#define GROWTH_LEAST 4096

uint64_t watch_next = UINT64_MAX, watch_next_live = UINT64_MAX;

static int rollup_file, statm_file, status_file;
static uint64_t step, last_operation, last_resident, high_water_base;
static double area; /* bytes times operations */
static char text[4096];

static uint64_t number_at(const char *at)
{
    uint64_t value = 0;
    while (*at == ' ' || *at == '\t') at++;
    while (*at >= '0' && *at <= '9') value = value * 10 + (uint64_t)(*at++ - '0');
    return value;
}

static bool read_text(int file)
{
    ssize_t n = pread(file, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* The bytes on the line that begins with `name`, in a file that tells them in kB. */
static uint64_t field(int file, const char *name)
{
    const char *at = read_text(file) ? strstr(text, name) : NULL;
    return at ? number_at(at + strlen(name)) * 1024 : 0;
}

static uint64_t resident(void) { return field(rollup_file, "\nAnonymous:"); }

static uint64_t footprint(void)
{
    const char *at = read_text(statm_file) ? text : NULL;
    for (int i = 0; at && i < 5; i++) at = strchr(at + 1, ' ');
    return at ? number_at(at) * TAPE_PAGE : 0;
}

static uint64_t above(uint64_t now, uint64_t base) { return now > base ? now - base : 0; }

/* The index of the operation after which to look; never past the peak of the live bytes. */
static uint64_t next_regular(const struct player *p, uint64_t done)
{
    uint64_t next = done + step - 1, peak = p->tape->peak_operation;
    return done < peak && next > peak - 1 ? peak - 1 : next;
}

static void start_high_water(void)
{
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (file >= 0 && write(file, "5", 1) == 1) high_water_base = field(status_file, "\nVmHWM:");
    if (file >= 0) close(file);
}

void watch_begin(struct player *p)
{
    struct tape_control *c = p->control;
    rollup_file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    statm_file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    status_file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    step = p->tape->operations / REGULAR + 1;
    /* Once for practice: the pages that sampling itself needs belong to the base. */
    for (int i = 0; i < 2; i++) {
        c->base_footprint = footprint();
        c->base_resident = resident();
    }
    if (!c->sample) return;
    start_high_water();
    watch_next = next_regular(p, 0);
    watch_next_live = GROWTH_LEAST;
}

static void look(struct player *p, uint64_t operation, uint64_t live)
{
    struct tape_control *c = p->control;
    uint64_t now = above(resident(), c->base_resident);
    uint64_t mapped = above(footprint(), c->base_footprint);
    struct tape_point *points = (struct tape_point *)((uintptr_t)c + c->points_at);
    area += (double)(operation - last_operation) * ((double)now + (double)last_resident) / 2;
    last_operation = operation;
    last_resident = now;
    if (now > c->peak_resident) c->peak_resident = now;
    if (mapped > c->peak_footprint) c->peak_footprint = mapped;
    if (c->points < TAPE_POINTS) {
        points[c->points++] = (struct tape_point){operation, live, now, mapped};
    }
}

void watch_point(struct player *p, uint64_t operation, uint64_t live)
{
    look(p, operation, live);
    if (operation > watch_next) watch_next = next_regular(p, operation);
    if (live >= watch_next_live) watch_next_live = live + live / GROWTH_SHARE + GROWTH_LEAST;
}

void watch_end(struct player *p, uint64_t operation, uint64_t live)
{
    struct tape_control *c = p->control;
    if (!c->sample) return;
    look(p, operation, live);
    if (operation > 0) c->mean_resident = area / (double)operation;
    if (high_water_base) {
        c->high_water = above(field(status_file, "\nVmHWM:"), high_water_base);
    }
}
