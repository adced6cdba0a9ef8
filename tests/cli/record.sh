#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# record.sh: `poolkit record` misses no event, in threads, children and programs begun by exec, and
# changes nothing else about the program.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"
source "$(dirname "${BASH_SOURCE[0]}")/record.inc"

# Output, input, arguments and exit codes are the program's own.
for code in 0 7 125 255; do
    record "$code" -- sh -c "echo to-out; echo to-err >&2; exit $code"
    [[ $(cat out) == to-out && $(cat err) == to-err ]] || fail "output is not passed through"
done
record 143 -- sh -c 'kill -TERM $$'
record 0 -- printf '<%s>' 'a b' '' "it's" --quiet
[[ $(cat out) == "<a b><><it's><--quiet>" ]] || fail "arguments: $(cat out)"
printf 'line\n' | "$poolkit" record --quiet -o r.pkt -- cat >out || fail "cat"
[[ $(cat out) == line ]] || fail "standard input is not passed through"
run 127 "$poolkit" record -- no-such-command
one_line "command not found"
run 126 "$poolkit" record -- /etc/passwd
run 125 "$poolkit" record
one_line "which command?"
run 125 "$poolkit" record --stack dwarf -- true
one_line "--stack: cfi, fp, caller or none"
run 125 "$poolkit" record --depth 0 -- true
run 125 "$poolkit" record --duration x -- true
one_line "--duration: seconds"
run 125 "$poolkit" record -o no-such/r.pkt -- touch ran
one_line "cannot write no-such/r.pkt"
[[ ! -e ran ]] || fail "the command was run"
echo 'int main(void) { return 0; }' >empty.c
if "$CC" -static empty.c -o static 2>/dev/null; then
    run 125 "$poolkit" record -- ./static
    one_line "statically linked"
fi

# 1000 of 100 bytes, 500 freed, one grown, one zeroed, one aligned, one realloc that cannot be.
cat >known.c <<'C'
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
    static void *volatile block[1000];
    for (int i = 0; i < 1000; i++) {
        block[i] = malloc(100);
    }
    for (int i = 0; i < 500; i++) {
        free(block[i]);
    }
    void *volatile grown = realloc(block[500], 1000000), *volatile zeroed = calloc(10, 1000);
    void *volatile failed = realloc(block[501], (size_t)-1 / 4);
    free(grown);
    free(zeroed);
    usleep(20000); /* long enough to be looked at */
    return failed != NULL;
}
C
"$CC" -O0 -w known.c -o known || fail "the compiler does not work"
record 0 -- ./known
dump r.pkt
[[ $(counts r.pkt) == "1001 502 1" ]] || fail "known: $(counts r.pkt)"
grep -c ' realloc-failed ' r.pkt.txt | grep -qx 1 || fail "the realloc that failed is not there"
has r.pkt.txt "command ./known"
has r.pkt.txt "program $work/known"
grep -q '^samples [1-9]' r.pkt.txt || fail "no sample: $(grep ^samples r.pkt.txt)"
awk '/^[0-9]/ { if ($1 < last) exit 1; last = $1 }' r.pkt.txt || fail "times fall"

# Real programs: as many as the counting shim sees.
compare_counts() {
    record 0 -- "$@"
    dump r.pkt
    run 0 "$poolkit" compare -n 1 --warmup 0 --output none --json=c.json -- "$@"
    is c.json "' '.join(str(int(a('system')[k]['median'])) for k in
        ('allocations', 'frees', 'reallocs'))" "$(counts r.pkt)"
}
export PYTHONHASHSEED=0 PERL_HASH_SEED=0 PYTHONDONTWRITEBYTECODE=1 PYTHONMALLOC=malloc
[[ -x /usr/bin/python3 ]] &&
    compare_counts /usr/bin/python3 -S -c 'print(sum(len(str(i)) for i in range(20000)))'
[[ -x /usr/bin/perl ]] && compare_counts /usr/bin/perl -e '$h{$_} = "x" x ($_ % 50) for 1 .. 20000'
command -v sqlite3 >/dev/null &&
    compare_counts sqlite3 :memory: 'create table t(a, b); with recursive c(i) as (select 1 union all
        select i + 1 from c where i < 5000) insert into t select i, hex(i) from c; select sum(a) from t'

# Threads: each event in its thread, and none lost, whichever ring is drained first.
cat >threads.c <<'C'
#include <pthread.h>
#include <stdlib.h>
static void *volatile handed[4][1000];
static void *work(void *arg)
{
    long me = (long)arg;
    for (int i = 0; i < 100000; i++) {
        free(handed[(me + i) % 4][i % 1000]);
        handed[(me + i) % 4][i % 1000] = 0;
        void *volatile block = malloc(10 + me);
        free(block);
    }
    return arg;
}
int main(void)
{
    pthread_t thread[4];
    for (long i = 0; i < 4; i++) {
        pthread_create(&thread[i], NULL, work, (void *)i);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    return 0;
}
C
"$CC" -O0 -w -pthread threads.c -o threads || fail "the compiler does not work"
record 0 -- ./threads
dump r.pkt
for size in 10 11 12 13; do
    n=$(awk -v size=$size '/^[0-9]/ && $3 == "malloc" && $5 == size { n[$2]++ }
        END { for (t in n) print n[t] }' r.pkt.txt)
    [[ $n == 100000 ]] || fail "a thread's blocks of $size: $n"
done
[[ $(awk '/^[0-9]/ && $3 == "free"' r.pkt.txt | wc -l) -ge 400000 ]] || fail "frees are missing"

# Children and exec: a file each, named after the process.
cat >forks.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    void *volatile block = malloc(77);
    pid_t child = fork();
    if (child == 0) {
        block = malloc(78);
        execl(argv[1], argv[1], NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    printf("%ld\n", (long)child);
    return 0;
}
C
"$CC" -O0 -w forks.c -o forks || fail "the compiler does not work"
record 0 -- ./forks ./known
child=$(cat out)
parent=$(ls r.pkt.* | grep -v "^r\.pkt\.$child")
[[ $(ls r.pkt* | wc -l) == 3 && -e r.pkt.$child && -e $parent ]] || fail "files: $(ls r.pkt*)"
for file in r.pkt r.pkt.$child $parent; do
    dump $file
done
grep -q ' malloc [0-9a-f]* 77 ' $parent.txt || fail "the parent's block is not in its file"
grep -q ' malloc [0-9a-f]* 78 ' r.pkt.$child.txt || fail "the child's block is not in its file"
grep -q "^pid $child parent [0-9]* forked" r.pkt.$child.txt || fail "the child is not marked as one"
[[ $(counts r.pkt) == "1001 502 1" ]] || fail "FILE is not that of the most events: $(counts r.pkt)"
record 0 --no-follow -- ./forks ./known
[[ $(ls r.pkt*) == r.pkt ]] || fail "--no-follow: $(ls r.pkt*)"
mkdir here && cd here && run 0 "$poolkit" record -- ../forks ../known && cd ..
[[ $(ls here | grep -c '^poolkit-\(forks\|known\)-[0-9]*\.pkt$') == 3 ]] || fail "$(ls here)"
has here/err "poolkit dump poolkit-"
[[ $(wc -l <here/err) -le 8 ]] || fail "the summary is too long"

# A program that allocates nothing leaves no file.
"$CC" empty.c -o empty && record 0 -- ./empty
[[ ! -e r.pkt ]] || fail "a file without an event"

# Another malloc behind the recorder.
if [[ -e ${POOLKIT_LIB:-$POOLKIT_BUILD}/libpoolkit-malloc.so ]]; then
    record 0 --with poolkit -- ./known
    dump r.pkt
    has r.pkt.txt "allocator libpoolkit-malloc.so"
    [[ $(counts r.pkt) == "1001 502 1" ]] || fail "--with: $(counts r.pkt)"
fi
finish
