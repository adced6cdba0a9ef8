/* SPDX-License-Identifier: MIT
 * elffile.c: reads the program headers and the dynamic section of an ELF file.
 *
 * The file is mapped and every offset is checked against its length before it is used.
 */
#include "elffile.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct image {
    const unsigned char *bytes;
    size_t size;
    Elf64_Ehdr head;
} image;

static bool inside(const image *file, uint64_t offset, uint64_t length)
{
    return offset <= file->size && length <= file->size - offset;
}

static bool segment(const image *file, unsigned i, Elf64_Phdr *out)
{
    uint64_t at = file->head.e_phoff + (uint64_t)i * file->head.e_phentsize;
    if (file->head.e_phentsize < sizeof *out || !inside(file, at, sizeof *out)) {
        return false;
    }
    memcpy(out, file->bytes + at, sizeof *out);
    return true;
}

static bool find_segment(const image *file, uint32_t type, Elf64_Phdr *out)
{
    for (unsigned i = 0; i < file->head.e_phnum; i++) {
        if (segment(file, i, out) && out->p_type == type) {
            return true;
        }
    }
    return false;
}

/* Where an address of the loaded program lies in the file; SIZE_MAX if nowhere. */
static uint64_t offset_of(const image *file, uint64_t address)
{
    Elf64_Phdr s;
    for (unsigned i = 0; i < file->head.e_phnum; i++) {
        if (segment(file, i, &s) && s.p_type == PT_LOAD && address >= s.p_vaddr &&
            address - s.p_vaddr < s.p_filesz) {
            return s.p_offset + (address - s.p_vaddr);
        }
    }
    return UINT64_MAX;
}

static void copy_text(const image *file, uint64_t at, char *out, size_t room)
{
    size_t n = 0;
    while (n + 1 < room && inside(file, at + n, 1) && file->bytes[at + n]) {
        out[n] = (char)file->bytes[at + n];
        n++;
    }
    out[n] = '\0';
}

static bool is_allocator(const char *library)
{
    static const char *const known[] = {"libjemalloc",      "libtcmalloc", "libmimalloc",
                                        "libsnmalloc",      "librpmalloc", "libhoard",
                                        "libpoolkit-malloc"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(library, known[i], strlen(known[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void find_allocator(const image *file, pki_elf *out)
{
    Elf64_Phdr dynamic;
    Elf64_Dyn entry;
    uint64_t strings = UINT64_MAX;
    if (!find_segment(file, PT_DYNAMIC, &dynamic)) {
        return;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t at = 0; at + sizeof entry <= dynamic.p_filesz; at += sizeof entry) {
            if (!inside(file, dynamic.p_offset + at, sizeof entry)) {
                return;
            }
            memcpy(&entry, file->bytes + dynamic.p_offset + at, sizeof entry);
            if (entry.d_tag == DT_NULL) {
                break;
            }
            if (pass == 0 && entry.d_tag == DT_STRTAB) {
                strings = offset_of(file, entry.d_un.d_ptr);
            }
            if (pass == 1 && entry.d_tag == DT_NEEDED && strings < file->size &&
                entry.d_un.d_val < file->size) {
                char name[sizeof out->allocator];
                copy_text(file, strings + entry.d_un.d_val, name, sizeof name);
                if (is_allocator(name)) {
                    memcpy(out->allocator, name, sizeof name);
                }
            }
        }
    }
}

/* The processor that this tool itself is for; EM_NONE if its own file cannot be read. */
static Elf64_Half our_machine(void)
{
    Elf64_Ehdr own = {.e_machine = EM_NONE};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, &own, sizeof own) != (ssize_t)sizeof own) {
        own.e_machine = EM_NONE;
    }
    if (fd >= 0) {
        close(fd);
    }
    return own.e_machine;
}

static void examine(image *file, pki_elf *out)
{
    Elf64_Phdr loader;
    if (file->size < EI_NIDENT || memcmp(file->bytes, ELFMAG, SELFMAG) != 0) {
        return;
    }
    out->kind = PKI_ELF_FOREIGN;
    if (file->bytes[EI_CLASS] != ELFCLASS64 || file->bytes[EI_DATA] != ELFDATA2LSB) {
        return;
    }
    out->kind = PKI_ELF_BROKEN;
    if (file->size < sizeof file->head) {
        return;
    }
    memcpy(&file->head, file->bytes, sizeof file->head);
    if (file->head.e_machine != our_machine()) {
        out->kind = PKI_ELF_FOREIGN;
        return;
    }
    Elf64_Phdr first;
    if (!segment(file, 0, &first)) {
        return;
    }
    out->kind = PKI_ELF_OURS;
    out->shared = file->head.e_type == ET_DYN;
    if (find_segment(file, PT_INTERP, &loader)) {
        copy_text(file, loader.p_offset, out->loader, sizeof out->loader);
    }
    find_allocator(file, out);
}

bool pki_elf_read(const char *path, pki_elf *out)
{
    struct stat about;
    memset(out, 0, sizeof *out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &about) != 0) {
        close(fd);
        return false;
    }
    if (!S_ISREG(about.st_mode) || about.st_size == 0) {
        close(fd);
        return true;
    }
    image file = {.size = (size_t)about.st_size};
    void *bytes = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) {
        return false;
    }
    file.bytes = bytes;
    examine(&file, out);
    munmap(bytes, file.size);
    return true;
}
