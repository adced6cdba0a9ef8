#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The drop-in's modes: a program with a bug of each kind, what it prints and how it ends; what follows a
# fault (faults=); and real programs without one, whose output must be the system malloc's.
. "$(dirname "$0")/lib.bash"
need "${CC:=cc}"

cat > "$tmp/buggy.c" << 'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* buggy FAULT SIZE: one bug, then a line that says that the program went on. */
int main(int argc, char **argv)
{
    size_t n = (size_t)atol(argv[2]);
    char *volatile p = malloc(n), *volatile q = malloc(n);
    setvbuf(stdout, NULL, _IONBF, 0);
    memset(p, 1, n);
    if (argc != 3 || !strcmp(argv[1], "none")) free(p);
    if (!strcmp(argv[1], "double")) free(p), free(p);
    if (!strcmp(argv[1], "overrun")) p[n]++, free(p);
    if (!strcmp(argv[1], "stale")) free(p), p[n - 1]++;
    if (!strcmp(argv[1], "inside")) free(p + 1);
    if (!strcmp(argv[1], "stack")) free(&n);
    if (!strcmp(argv[1], "behind")) p[n + 4096] = 1;
    /* What was freed has to be used again before a write after free is found. */
    for (int i = 0; i < 20000; i++) free(malloc(n));
    free(q);
    puts("went on");
    return 0;
}
END
"$CC" -O1 -w -fno-builtin -o "$tmp/buggy" "$tmp/buggy.c" || fail "buggy.c does not compile"

# expect OPTIONS FAULT SIZE STATUS TEXT: the error output is one line with the text, or none if it is empty
expect()
{
    local status text
    text=$(ulimit -c 0; { POOLKIT_OPTIONS=$1 LD_PRELOAD=$preload "$tmp/buggy" "$2" "$3" > "$tmp/out"; } 2>&1)
    status=$?
    [ $status = "$4" ] || fail "$1, $2, $3 bytes: status $status, not $4 ($text)"
    case $(echo "$text" | grep -a '^poolkit:') in
        "") [ -z "$5" ] || fail "$1, $2, $3 bytes: says nothing" ;;
        *$'\n'*) fail "$1, $2, $3 bytes: more than a line: $text" ;;
        *"$5"*) [ -n "$5" ] || fail "$1, $2, $3 bytes: says $text" ;;
        *) fail "$1, $2, $3 bytes: says $text, not $5" ;;
    esac
    [ "$4" != 0 ] || [ "$(cat "$tmp/out")" = "went on" ] || fail "$1, $2, $3 bytes: did not go on"
}

abort=134 segv=139 trap=132
for mode in hardened debug,leaks=off; do
    for size in 32 1024 262144; do
        expect "mode=$mode" none $size 0 ""
        expect "mode=$mode" double $size $abort "the block is free already; $size bytes"
        expect "mode=$mode" overrun $size $abort "the block was written beyond its end; $size bytes"
        expect "mode=$mode" inside $size $abort "not the start of a block"
        expect "mode=$mode" stack $size $abort "not from any pool"
        expect "mode=$mode,faults=report" double $size 0 "the block is free already"
        expect "mode=$mode,faults=report" overrun $size 0 "the block was written beyond its end"
        expect "mode=$mode,faults=trap" double $size $trap "the block is free already"
    done
    expect "mode=$mode" stale 32 $abort "the block was written after it was freed; 32 bytes"
    expect "mode=$mode" stale 1024 $abort "the block was written after it was freed; 1024 bytes"
    expect "mode=$mode" stale 262144 $segv ""
    expect "mode=$mode" behind 262144 $segv ""
    expect "mode=$mode,faults=report" stale 1024 0 "the block was written after it was freed"
done
expect mode=debug,leaks=off double 32 $abort "; 32 bytes, allocated at buggy+0x"
expect faults=report stack 32 0 "not from any pool"
expect faults=trap stack 32 $trap "not from any pool"
POOLKIT_OPTIONS=mode=debug LD_PRELOAD=$preload "$tmp/buggy" overrun 8 2>&1 > "$tmp/out" |
    grep -qa 'beyond its end; 8 bytes, allocated at buggy+0x' || fail "debug: no place of the overrun"
[ "$(POOLKIT_OPTIONS=mode=strange LD_PRELOAD=$preload "$tmp/buggy" none 8 2>&1 > "$tmp/out")" = \
    "poolkit: POOLKIT_OPTIONS: 'mode=strange' is not understood; the default stays" ] ||
    fail "mode=strange is not refused"

# ---- programs without a bug ----

sql()
{
    sqlite3 :memory: "create table t(a, b);
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
        insert into t select i * 7919 % 10007, printf('%x', i) from n; create index x on t(a, b);
        select count(*), sum(a), max(b) from t; select a, group_concat(b) from t group by a order by a
        limit 50;"
}

repository()
{
    git init -q -b main . && seq 30000 > a && git add a && git commit -qm one && seq 2 29999 > a &&
        git commit -qam two && git gc -q && git fsck --strict && git log -p --stat | sha256sum
}

python()
{
    PYTHONMALLOC=malloc python3 -c 'import json, re, zlib, threading
def work(k):
    t = json.dumps([{"n": i, "s": str(i) * (i % 30)} for i in range(k, k + 4000)])
    print(len(t), zlib.crc32(t.encode()), len(re.findall("9+", t)), json.loads(t)[-1]["n"])
for k in range(8):
    t = threading.Thread(target=work, args=(k,)); t.start(); t.join()'
}

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='1700000000 +0000'
export GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
export GIT_COMMITTER_DATE='1700000000 +0000'
for mode in hardened debug,leaks=off; do
    export POOLKIT_OPTIONS=mode=$mode
    command -v sqlite3 > /dev/null && both "sqlite3, $mode" sql
    command -v git > /dev/null && both "git, $mode" repository
    command -v python3 > /dev/null && both "python3, $mode" python
done
finish
