/* SPDX-License-Identifier: MIT */
/*
 * The calls around malloc: usable size, sized free, trim and statistics, the __libc_ names, and the
 * blocks that libc allocates for the program (getline, asprintf, strdup, open_memstream…).
 */
#include "check.h"

static void usable_size(void)
{
    CHECK(malloc_usable_size(NULL) == 0);
    for (size_t n = 0; n <= 8 * MIB; n += n < 5000 ? 1 : n / 7) {
        unsigned char *p = malloc(n), *near = malloc(n);
        REQUIRE(p != NULL && near != NULL);
        size_t u = malloc_usable_size(p);
        CHECKF(u >= n, "malloc_usable_size(%zu) = %zu", n, u);
        CHECKF(u < n * 2 + 70000, "malloc_usable_size(%zu) = %zu", n, u);
        /* All of it may be written and survives, whatever the neighbour does. */
        memset(near, 0xee, malloc_usable_size(near));
        sparse_fill(p, u, n);
        memset(near, 0x11, malloc_usable_size(near));
        CHECKF(sparse_check(p, u, n) == u, "size %zu, usable %zu", n, u);
        free(near);
        p = realloc(p, u + 1);
        REQUIRE(p != NULL);
        size_t head = u < 64 ? u : 64;
        CHECKF(pattern_check(p, head, n) == head, "size %zu, usable %zu", n, u);
        free(p);
    }
}

static void sized_free(void)
{
    void (*free_sized_)(void *, size_t);
    void (*free_aligned_sized_)(void *, size_t, size_t);
    void (*cfree_)(void *);
    void *sym[3] = {dlsym(RTLD_DEFAULT, "free_sized"), dlsym(RTLD_DEFAULT, "free_aligned_sized"),
                    dlsym(RTLD_DEFAULT, "cfree")};
    memcpy(&free_sized_, &sym[0], sizeof sym[0]);
    memcpy(&free_aligned_sized_, &sym[1], sizeof sym[1]);
    memcpy(&cfree_, &sym[2], sizeof sym[2]);
    for (size_t n = 1; n <= 4 * MIB; n += n < 3000 ? 1 : n / 5) {
        errno = 4242;
        if (free_sized_) {
            free_sized_(malloc(n), n);
            free_sized_(calloc(1, n), n);
            free_sized_(realloc(malloc(n / 2 + 1), n), n);
        }
        if (free_aligned_sized_)
            for (size_t align = 16; align <= 65536; align *= 16)
                free_aligned_sized_(aligned_alloc(align, n), align, n);
        if (cfree_) cfree_(malloc(n));
        CHECK(errno == 4242);
    }
    if (free_sized_) free_sized_(NULL, 0);
    if (free_aligned_sized_) free_aligned_sized_(NULL, 16, 0);
    if (cfree_) cfree_(NULL);
}

static void statistics(void)
{
    void *keep = malloc(100000);
    CHECK(malloc_trim(0) >= 0);
    CHECK(malloc_trim(1 << 20) >= 0);
    struct mallinfo2 info = mallinfo2();
    CHECKF(info.uordblks < ((size_t)1 << 40), "uordblks %zu", info.uordblks);
    CHECKF(info.arena + info.hblkhd < ((size_t)1 << 46), "arena %zu", info.arena);
    CHECK(mallopt(M_MMAP_THRESHOLD, 128 * 1024) >= 0);
    CHECK(mallopt(M_TRIM_THRESHOLD, 128 * 1024) >= 0);
    CHECK(mallopt(M_ARENA_MAX, 2) >= 0);
    CHECK(mallopt(M_PERTURB, 0) >= 0);

    int saved = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    REQUIRE(saved >= 0 && null >= 0 && dup2(null, 2) == 2);
    malloc_stats();
    REQUIRE(dup2(saved, 2) == 2);
    close(saved);

    FILE *out = fopen("/dev/null", "w");
    REQUIRE(out != NULL);
    CHECK(malloc_info(0, out) == 0);
    CHECK(malloc_info(1, out) != 0);
    fclose(out);
    close(null);
    memset(keep, 1, 100000);
    free(keep);
}

/* The names libc exports for wrappers: a block from one must go back by the other. */
static void libc_names(void)
{
    void *(*malloc_)(size_t);
    void *(*calloc_)(size_t, size_t);
    void *(*realloc_)(void *, size_t);
    void *(*memalign_)(size_t, size_t);
    void (*free_)(void *);
    void *sym[5] = {dlsym(RTLD_DEFAULT, "__libc_malloc"), dlsym(RTLD_DEFAULT, "__libc_calloc"),
                    dlsym(RTLD_DEFAULT, "__libc_realloc"), dlsym(RTLD_DEFAULT, "__libc_memalign"),
                    dlsym(RTLD_DEFAULT, "__libc_free")};
    for (size_t i = 0; i < 5; i++)
        if (sym[i] == NULL) return; /* a C library without them */
    memcpy(&malloc_, &sym[0], sizeof sym[0]);
    memcpy(&calloc_, &sym[1], sizeof sym[1]);
    memcpy(&realloc_, &sym[2], sizeof sym[2]);
    memcpy(&memalign_, &sym[3], sizeof sym[3]);
    memcpy(&free_, &sym[4], sizeof sym[4]);
    for (size_t n = 1; n <= 4 * MIB; n = n * 2 + 3) {
        free(malloc_(n));
        free(calloc_(1, n));
        free(realloc_(malloc(n), n * 2));
        free(memalign_(256, n));
        free_(malloc(n));
        free_(realloc(malloc_(n), n + 9));
        free_(aligned_alloc(4096, n));
    }
}

static void libc_blocks(void)
{
    char *line = NULL, *text = NULL, *mem = NULL;
    size_t cap = 0, mem_size = 0;
    FILE *in = fopen("/proc/self/maps", "r");
    REQUIRE(in != NULL);
    while (getline(&line, &cap, in) > 0) CHECK(malloc_usable_size(line) >= cap);
    fclose(in);
    free(line);
    for (size_t i = 0; i < 200; i++) {
        CHECK(asprintf(&text, "%0*zu", (int)(i * 37 + 1), i) == (int)(i * 37 + 1));
        char *copy = strdup(text);
        CHECK(copy != NULL && strcmp(copy, text) == 0);
        copy = realloc(copy, strlen(text) + 100);
        CHECK(copy != NULL && strcmp(copy, text) == 0);
        free(copy);
        free(text);
    }
    FILE *out = open_memstream(&mem, &mem_size);
    REQUIRE(out != NULL);
    for (int i = 0; i < 20000; i++) fprintf(out, "%d,", i);
    fclose(out);
    CHECK(mem_size == strlen(mem) && mem_size == 108890);
    free(mem);
    char *real = realpath("/proc/../proc/self", NULL);
    CHECK(real != NULL);
    free(real);
    char *cwd = getcwd(NULL, 0);
    CHECK(cwd != NULL);
    free(cwd);
}

int main(void)
{
    check_time_limit(60);
    usable_size();
    sized_free();
    statistics();
    libc_names();
    libc_blocks();
    return check_result();
}
