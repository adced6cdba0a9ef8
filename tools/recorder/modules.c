/* SPDX-License-Identifier: MIT
 * modules.c: which module an address is in, and what has been said about modules to the reader.
 *
 * The C library answers without a lock where it can (_dl_find_object, since 2.35), otherwise by
 * walking over all modules. A module is announced when an address in it is first looked up. Whether
 * one has gone is looked at after each dlclose: the announced ones that are no longer there.
 */
#include "stacks.h"
#include "shim/interpose.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#define PATH_MOST 1024
#define BUILD_ID_MOST 64

_Atomic uint32_t pki_modules_generation;

/* As <dlfcn.h> declares it where it is there. */
struct found_object {
    unsigned long long flags;
    void *start, *end;
    struct link_map *map;
    void *header;
    unsigned long long reserved[7];
};
typedef int find_object_fn(void *, struct found_object *);

static find_object_fn *find_object(void)
{
    static void *_Atomic cached;
    static _Atomic bool looked;
    find_object_fn *function;
    if (!atomic_load_explicit(&looked, memory_order_acquire)) {
        pki_depth++;
        atomic_store(&cached, dlsym(RTLD_DEFAULT, "_dl_find_object"));
        pki_depth--;
        atomic_store_explicit(&looked, true, memory_order_release);
    }
    void *found = atomic_load(&cached);
    memcpy(&function, &found, sizeof function);
    return function;
}

struct search {
    uintptr_t pc;
    struct pki_module *found;
};

static void measure(const struct dl_phdr_info *info, struct pki_module *m)
{
    uintptr_t start = UINTPTR_MAX, end = 0;
    m->header = NULL;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD) {
            start = at < start ? at : start;
            end = at + segment->p_memsz > end ? at + segment->p_memsz : end;
        } else if (segment->p_type == PT_GNU_EH_FRAME) {
            m->header = (const uint8_t *)at;
        }
    }
    m->start = start & ~(uintptr_t)(PKI_WIRE_PAGE - 1);
    m->end = end;
    m->bias = info->dlpi_addr;
    m->path = info->dlpi_name;
}

static int is_it(struct dl_phdr_info *info, size_t bytes, void *search)
{
    struct search *s = search;
    (void)bytes;
    measure(info, s->found);
    return s->pc >= s->found->start && s->pc < s->found->end;
}

static bool look_up(uintptr_t pc, struct pki_module *m)
{
    find_object_fn *quick = find_object();
    struct found_object object;
    if (!quick) {
        struct search search = {pc, m};
        pki_depth++;
        int found = dl_iterate_phdr(is_it, &search);
        pki_depth--;
        return found;
    }
    if (quick((void *)pc, &object) != 0) {
        return false;
    }
    m->start = (uintptr_t)object.start;
    m->end = (uintptr_t)object.end;
    m->bias = object.map->l_addr;
    m->header = object.header;
    m->path = object.map->l_name;
    return true;
}

/* The note in one segment. The bytes, or 0. */
static size_t note_build_id(const uint8_t *at, size_t room, uint8_t *id)
{
    while (room >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        size_t name = (note.n_namesz + 3u) & ~(size_t)3, bytes = (note.n_descsz + 3u) & ~(size_t)3;
        if (name + bytes > room - sizeof note) {
            return 0;
        }
        const uint8_t *text = at + sizeof note;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(text, "GNU", 4) == 0 &&
            note.n_descsz <= BUILD_ID_MOST) {
            memcpy(id, text + name, note.n_descsz);
            return note.n_descsz;
        }
        at += sizeof note + name + bytes;
        room -= sizeof note + name + bytes;
    }
    return 0;
}

/* By the file's own header, which lies at the module's start wherever it was linked as usual. */
static size_t find_build_id(const struct pki_module *m, uint8_t *id)
{
    const ElfW(Ehdr) *file = (const void *)m->start;
    if (m->end - m->start < sizeof *file || memcmp(file->e_ident, ELFMAG, SELFMAG) != 0 ||
        file->e_phoff + file->e_phnum * sizeof(ElfW(Phdr)) > PKI_WIRE_PAGE) {
        return 0;
    }
    const ElfW(Phdr) *segment = (const void *)(m->start + file->e_phoff);
    for (unsigned i = 0; i < file->e_phnum; i++) {
        uintptr_t at = m->bias + segment[i].p_vaddr;
        if (segment[i].p_type == PT_NOTE && at >= m->start && at + segment[i].p_memsz <= m->end) {
            size_t bytes = note_build_id((const uint8_t *)at, segment[i].p_memsz, id);
            if (bytes) {
                return bytes;
            }
        }
    }
    return 0;
}

static size_t path_of(const struct pki_module *m, char *path)
{
    if (m->path && *m->path) {
        size_t length = strnlen(m->path, PATH_MOST);
        memcpy(path, m->path, length);
        return length;
    }
    ssize_t n = readlink("/proc/self/exe", path, PATH_MOST);
    return n > 0 ? (size_t)n : 0;
}

static bool write_module(struct pki_thread *t, const struct pki_module *m)
{
    union {
        char text[PATH_MOST + BUILD_ID_MOST];
        uint64_t words[(PATH_MOST + BUILD_ID_MOST) / 8];
    } what;
    memset(&what, 0, sizeof what);
    size_t path = path_of(m, what.text);
    size_t id = find_build_id(m, (uint8_t *)what.text + path);
    uint64_t words = (path + id + 7) / 8;
    if (!pki_has_room(t, 5 + words)) {
        return false;
    }
    pki_put(t, 0, pki_ticks() << 8 | PKI_WIRE_MODULE);
    pki_put(t, 1, m->bias);
    pki_put(t, 2, m->start);
    pki_put(t, 3, m->end);
    pki_put(t, 4, path | (uint64_t)id << 32);
    for (uint64_t i = 0; i < words; i++) {
        pki_put(t, 5 + i, what.words[i]);
    }
    pki_publish(t, 5 + words);
    return true;
}

static void announce(struct pki_thread *t, const struct pki_module *m)
{
    struct pki_said *said = pki_image_tables()->said;
    struct pki_said *free = NULL;
    for (size_t i = 0; i < PKI_SAID_MOST; i++) {
        uintptr_t start = atomic_load_explicit(&said[i].start, memory_order_relaxed);
        if (start == m->start) {
            return;
        }
        if (start == 0) {
            free = &said[i];
            break;
        }
    }
    uintptr_t none = 0;
    if (free && atomic_compare_exchange_strong(&free->start, &none, m->start)) {
        free->bias = m->bias;
        if (!write_module(t, m)) {
            atomic_store(&free->start, PKI_SAID_GONE);
        }
    }
}

bool pki_module_find(struct pki_thread *t, uintptr_t pc, struct pki_module *found)
{
    if (!look_up(pc, found)) {
        return false;
    }
    announce(t, found);
    return true;
}

/* What a thread says about modules that have gone stands in its own ring. */
static void say_what_went(struct pki_thread *t)
{
    struct pki_said *said = pki_image_tables()->said;
    for (size_t i = 0; i < PKI_SAID_MOST && atomic_load(&said[i].start); i++) {
        struct pki_module now;
        uintptr_t start = atomic_load(&said[i].start);
        if (start == PKI_SAID_GONE || look_up(start, &now)) {
            continue;
        }
        if (atomic_compare_exchange_strong(&said[i].start, &start, PKI_SAID_GONE) &&
            pki_has_room(t, 2)) {
            pki_put(t, 0, pki_ticks() << 8 | PKI_WIRE_MODULE_GONE);
            pki_put(t, 1, said[i].bias);
            pki_publish(t, 2);
        }
        atomic_fetch_add(&pki_modules_generation, 1);
    }
}

PKI_EXPORT int dlclose(void *handle)
{
    static void *_Atomic cache;
    int (*next)(void *);
    void *found = atomic_load(&cache);
    if (!found) {
        found = pki_next("dlclose");
        atomic_store(&cache, found);
    }
    memcpy(&next, &found, sizeof next);
    int result = next(handle);
    pki_with_ring(say_what_went);
    return result;
}
