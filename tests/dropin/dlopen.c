/* SPDX-License-Identifier: MIT */
/*
 * Libraries that come and go: dlopen and dlclose in a loop, with constructors and thread-local data
 * that allocate, while another thread allocates; blocks outlive the library that took them.
 */
#include "check.h"

static const char *const libraries[] = {"libm.so.6",      "libz.so.1",    "libsqlite3.so.0",
                                        "libstdc++.so.6", "liblzma.so.5", "libcrypto.so.3"};
enum { count = sizeof libraries / sizeof libraries[0], rounds = 60 };

static int stop;

static void *busy(void *arg)
{
    check_rng r = {(uint64_t)(uintptr_t)arg + 1};
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        size_t n = rng_size(&r, 17);
        free(realloc(malloc(n), n * 2));
    }
    return NULL;
}

/* Let the library do some work of its own if it is SQLite, and keep a block it allocated. */
static char *use(void *lib)
{
    int (*open_db)(const char *, void **);
    int (*exec)(void *, const char *, void *, void *, char **);
    int (*close_db)(void *);
    void *sym[3] = {dlsym(lib, "sqlite3_open"), dlsym(lib, "sqlite3_exec"),
                    dlsym(lib, "sqlite3_close")};
    if (sym[0] == NULL || sym[1] == NULL || sym[2] == NULL) return strdup("kept");
    memcpy(&open_db, &sym[0], sizeof sym[0]);
    memcpy(&exec, &sym[1], sizeof sym[1]);
    memcpy(&close_db, &sym[2], sizeof sym[2]);
    void *db = NULL;
    CHECK(open_db(":memory:", &db) == 0);
    CHECK(exec(db,
               "create table t(a); insert into t values(1),(2),(3);"
               "insert into t select a * 10 from t; select sum(a) from t;",
               NULL, NULL, NULL) == 0);
    CHECK(close_db(db) == 0);
    return strdup("kept");
}

int main(void)
{
    check_time_limit(60);
    pthread_t t;
    REQUIRE_OK(pthread_create(&t, NULL, busy, NULL));
    size_t opened = 0, early = 0;
    static char *kept[rounds][count];
    for (size_t round = 0; round < rounds; round++) {
        void *lib[count];
        for (size_t i = 0; i < count; i++) {
            lib[i] = dlopen(libraries[i], (round & 1 ? RTLD_NOW : RTLD_LAZY) | RTLD_LOCAL);
            if (lib[i] == NULL) continue; /* not on this machine */
            opened++;
            kept[round][i] = use(lib[i]);
        }
        for (size_t i = 0; i < count; i++)
            if (lib[i] != NULL) CHECKF(dlclose(lib[i]) == 0, "%s", libraries[i]);
        CHECK(dlopen("no-such-library.so.77", RTLD_NOW) == NULL);
        CHECK(dlerror() != NULL);
        if (round == 10) early = check_status_kib("VmRSS:");
    }
    size_t late = check_status_kib("VmRSS:");
    CHECKF(late < early + 4096, "grew from %zu to %zu KiB", early, late);
    CHECKF(opened >= rounds, "only %zu libraries opened", opened);
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++) {
            CHECK(kept[round][i] == NULL || strcmp(kept[round][i], "kept") == 0);
            free(kept[round][i]);
        }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    REQUIRE_OK(pthread_join(t, NULL));
    return check_result();
}
