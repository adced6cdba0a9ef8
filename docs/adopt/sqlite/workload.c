/* SPDX-License-Identifier: MIT
 * workload.c malloc|heap ROWS [uncounted]: a database in memory is filled, indexed, asked, changed,
 * closed, and opened again, three times; on the C library's malloc or on a heap of SQLite's own. With
 * "uncounted" SQLite keeps no statistics of its memory. Then SQLite is shut down. What it answers goes to standard output; what is resident when the last database is
 * closed, and after the shutdown, to standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "poolkit_memory.h"

enum { DATABASES = 3 };

static const char *const schema = "PRAGMA temp_store = MEMORY;"
                                  "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER, "
                                  "item TEXT, price REAL, note TEXT);";

static const char *const work =
    "CREATE INDEX by_customer ON orders(customer);"
    "CREATE INDEX by_item ON orders(item, price);"
    "UPDATE orders SET note = upper(note) || '-' || id, price = price + 1 WHERE id % 3 = 0;"
    "DELETE FROM orders WHERE id % 5 = 0;"
    "SELECT customer, count(*) AS c, length(group_concat(DISTINCT item)) FROM orders"
    " GROUP BY customer ORDER BY c DESC, customer LIMIT 3;"
    "SELECT length(group_concat(note, ',')) FROM (SELECT note FROM orders ORDER BY note);"
    "SELECT lower(substr(note, 1, 3)) AS k, count(*), max(length(replace(note, ' ', '_')))"
    " FROM orders GROUP BY k ORDER BY 2 DESC, k LIMIT 3;";

static void must(int code, const char *what)
{
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        fprintf(stderr, "workload: %s: %s\n", what, sqlite3_errstr(code));
        exit(1);
    }
}

static int print_row(void *arg, int n, char **values, char **names)
{
    (void)arg, (void)names;
    for (int i = 0; i < n; i++) {
        printf("%s%c", values[i] ? values[i] : "NULL", i + 1 < n ? '|' : '\n');
    }
    return 0;
}

static void insert(sqlite3 *db, int rows)
{
    sqlite3_stmt *statement;
    must(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), "begin");
    must(sqlite3_prepare_v2(db, "INSERT INTO orders VALUES (?, ?, ?, ?, ?)", -1, &statement, NULL),
         "insert");
    for (int i = 1; i <= rows; i++) {
        char item[32], note[96];
        snprintf(item, sizeof item, "item-%d", i * 31 % 5003);
        snprintf(note, sizeof note, "%.*s", 5 + i * 13 % 60,
                 "the quick brown fox jumps over the lazy dog and runs far away from here");
        sqlite3_bind_int(statement, 1, i);
        sqlite3_bind_int(statement, 2, (int)(i * 7919LL % 20011));
        sqlite3_bind_text(statement, 3, item, -1, SQLITE_TRANSIENT);
        sqlite3_bind_double(statement, 4, i * 37 % 10000 / 100.0);
        sqlite3_bind_text(statement, 5, note, -1, SQLITE_TRANSIENT);
        must(sqlite3_step(statement), "insert");
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), "commit");
}

/* Single questions, each prepared anew, as a program does that keeps no statements. */
static void ask(sqlite3 *db, int questions)
{
    for (int i = 0; i < questions; i++) {
        char sql[128];
        sqlite3_stmt *statement;
        snprintf(sql, sizeof sql,
                 "SELECT count(*), sum(price), max(note) FROM orders WHERE customer = %d",
                 (int)(i * 104729LL % 20011));
        must(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), "select");
        must(sqlite3_step(statement), "select");
        sqlite3_finalize(statement);
    }
}

static double resident(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1) {
        pages = 0;
    }
    if (file) {
        fclose(file);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
    int rows = argc > 2 ? atoi(argv[2]) : 0;
    if (rows < 1) {
        fprintf(stderr, "usage: workload malloc|heap ROWS [uncounted]\n");
        return 2;
    }
    if (strcmp(argv[1], "heap") == 0) {
        must(poolkit_memory_use(0), "config");
    }
    if (argc > 3) {
        must(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0), "config");
    }
    for (int i = 0; i < DATABASES; i++) {
        sqlite3 *db;
        must(sqlite3_open(":memory:", &db), "open");
        must(sqlite3_exec(db, schema, NULL, NULL, NULL), "schema");
        insert(db, rows);
        must(sqlite3_exec(db, work, print_row, NULL, NULL), "work");
        ask(db, rows / 4);
        must(sqlite3_close(db), "close");
    }
    fprintf(stderr, "bytes_when_closed=%.0f\n", resident());
    must(sqlite3_shutdown(), "shutdown");
    fprintf(stderr, "bytes_after_shutdown=%.0f\n", resident());
    return 0;
}
