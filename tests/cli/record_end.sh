#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# record_end.sh: however a recording ends, the file is what it should be and nothing is left behind.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"
source "$(dirname "${BASH_SOURCE[0]}")/record.inc"

# One block of 1000 bytes every millisecond or so, and a line when it has begun.
cat >steady.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int n = atoi(argv[1]);
    if (argc > 2 && fork()) {
        return 0;
    }
    if (argc > 2) {
        setsid();
    }
    printf("%ld\n", (long)getpid());
    fflush(stdout);
    for (int i = 0; i < n; i++) {
        void *volatile block = malloc(1000);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    FILE *done = fopen("done", "w");
    return done == NULL;
}
C
"$CC" -O0 -w steady.c -o steady || fail "the compiler does not work"

# begin ARGUMENT...: records in the background, until the program says that it runs.
begin() {
    rm -f r.pkt* out err done
    "$poolkit" record -o r.pkt "$@" >out 2>err &
    recorder=$!
    for _ in $(seq 200); do
        [[ -s out ]] && break
        sleep 0.02
    done
    program=$(cat out)
}

# end CODE: waits for the recorder.
end() {
    local got=0
    wait "$recorder" || got=$?
    [[ $got == "$1" ]] || fail "exit code $got, not $1: $(cat err)"
    no_spool "$recorder"
}

blocks() {
    awk '/^[0-9]/ && $3 == "malloc" && $5 == 1000' r.pkt.txt | wc -l
}

# A killed program leaves a whole file.
begin -- ./steady 100000
sleep 0.3
kill -KILL "$program"
end 137
dump r.pkt
[[ $(blocks) -ge 50 ]] || fail "killed: $(blocks) blocks"
has err "killed by SIGKILL"

# Signals to poolkit go to the program.
begin -- ./steady 100000
kill -TERM "$recorder"
end 143
dump r.pkt

# A killed recorder leaves a file that can be read, and a program that goes on; the next run removes
# what was left in memory.
begin -- ./steady 4000
sleep 2.6
kill -KILL "$recorder"
wait "$recorder" 2>/dev/null
"$poolkit" dump r.pkt >r.pkt.txt || fail "the file that was cut short cannot be read"
has r.pkt.txt "cut-short"
[[ $(blocks) -ge 200 ]] || fail "cut short: $(blocks) blocks"
"$poolkit" symbols r.pkt || fail "no names for a file that was cut short"
has <("$poolkit" dump r.pkt) "main"
has <("$poolkit" dump r.pkt) "cut-short"
kill -0 "$program" || fail "the program did not survive its recorder"
for _ in $(seq 300); do
    [[ -e done ]] && break
    sleep 0.05
done
[[ -e done ]] || fail "the program did not go on"
killed=$recorder
run 0 "$poolkit" record --quiet -o r.pkt -- true
no_spool "$killed"

# A daemon is recorded to its end.
begin -- ./steady 300 daemon
end 0
[[ -e done ]] || fail "poolkit ended before the daemon did"
dump r.pkt
[[ $(blocks) == 300 ]] || fail "daemon: $(blocks) blocks"

# ... or until a signal, which then is for the daemon.
begin -- ./steady 100000 daemon
sleep 0.3
kill -TERM "$recorder"
end 0
for _ in $(seq 100); do # what ended may wait to be reaped for a moment
    kill -0 "$program" 2>/dev/null || break
    sleep 0.05
done
kill -0 "$program" 2>/dev/null && fail "the daemon lives"

# --duration: the files come, the program goes on, and its exit code is waited for.
begin --delay 0.2 --duration 0.3 -- ./steady 1000
sleep 0.9
has err "poolkit dump"
[[ ! -e done ]] || fail "the program was too fast for this test"
end 0
dump r.pkt
n=$(blocks)
[[ $n -ge 20 && $n -le 400 ]] || fail "--delay, --duration: $n blocks"

# --paused and SIGUSR1.
begin --paused -- ./steady 1200
sleep 0.3
kill -USR1 "$recorder"
sleep 0.3
kill -USR1 "$recorder"
end 0
dump r.pkt
n=$(blocks)
[[ $n -ge 20 && $n -le 600 ]] || fail "SIGUSR1: $n blocks"
run 0 "$poolkit" record --paused -o r.pkt -- ./steady 1
has err "nothing was recorded"

# A disk that is full: one message, the program goes on, and the exit code tells.
if [[ -e /dev/full ]]; then
    ln -sf /dev/full full.pkt
    run 125 "$poolkit" record -o full.pkt -- ./steady 10
    one_line "full.pkt"
fi
finish
