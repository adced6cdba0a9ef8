#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The options stats, stats_format and stats_file: what is written, when and where, and that a program
# keeps its own signal handler.
. "$(dirname "$0")/lib.bash"
build pools so
run() # OPTIONS WHAT
{
    POOLKIT_OPTIONS=$1 "$tmp/pools" "$2" > "$tmp/out" 2> "$tmp/err" < /dev/null || fail "$*"
}

# ---- when ----
run stats=off exit
[ ! -s "$tmp/err" ] || fail "stats=off writes"
for moment in exit on; do
    run "stats=$moment" exit
    expect '^poolkit: pools of process [0-9]+:$' "$tmp/err"
    expect "^heap 'session': .* live of .*, 3 blocks, " "$tmp/err"
    expect "^shared pool 'messages': .*, 1 block, 1 chunk$" "$tmp/err"
    expect "^arena 'requests': .*chunks?$" "$tmp/err"
    expect "^block pool 'nodes': .*, 1 block, " "$tmp/err"
    refuse 'left out' "$tmp/err"
done
run stats=exit thread
expect '^left out, for their threads may be at work in them: [23] arenas' "$tmp/err"
run stats=sometimes exit
expect "'stats=sometimes' is not understood" "$tmp/err"
run stats=exit,stats_file=/nowhere/at/all exit
expect '^poolkit: the statistics cannot be written to /nowhere/at/all$' "$tmp/err"

# ---- on a signal, twice, in a program that does nothing but wait ----
reports() { [ "$(grep -c '^poolkit: pools' "$tmp/report")" = "$1" ]; }
: > "$tmp/report"
POOLKIT_OPTIONS=stats=signal,stats_file=$tmp/report start "$tmp/pools" wait
for n in 1 2; do
    kill -USR2 "$pid"
    wait_until reports "$n" || fail "no report $n after SIGUSR2"
done
stop
expect "^heap 'session': .* live of" "$tmp/report"
expect 'left out, for their threads may be at work in them: 2 ' "$tmp/report"
reports 2 || fail "stats=signal writes at exit"

# The child of a fork answers for itself.
: > "$tmp/report"
POOLKIT_OPTIONS=stats=signal,stats_file=$tmp/report start "$tmp/pools" fork
child=$(cat "/proc/$pid/task/$pid/children" 2> /dev/null)
if [ -n "$child" ]; then
    kill -USR2 $child
    wait_until grep -q "of process ${child% }:" "$tmp/report" || fail "no report of a child"
fi
stop

# The program's handler stays, also the one that its parent chose for it.
: > "$tmp/report"
POOLKIT_OPTIONS=stats=signal,stats_file=$tmp/report start "$tmp/pools" own
kill -USR2 "$pid"
wait_until grep -q '^own$' "$tmp/out" || fail "the program's own handler is not called"
stop
[ ! -s "$tmp/report" ] || fail "a report although the program has a handler"
(trap '' USR2; POOLKIT_OPTIONS=stats=signal exec "$tmp/pools" exit) > "$tmp/out" 2> "$tmp/err"
expect 'stats=signal: SIGUSR2 is not free' "$tmp/err"

# ---- formats ----
run "stats=exit,stats_format=json,stats_file=$tmp/%p.json" exit
run "stats=exit,stats_format=json,stats_file=$tmp/json" exit
run "stats=exit,stats_format=json,stats_file=$tmp/json" exit
[ "$(ls "$tmp"/[0-9]*.json | wc -l)" = 1 ] || fail "%p is not the process"
[ "$(wc -l < "$tmp/json")" = 2 ] || fail "not a line of JSON for each report"
if command -v python3 > /dev/null; then
    python3 - "$tmp/json" << 'END' || fail "the JSON is not as docs/observe.md says"
import json, sys
members = {"name", "live", "free_in_chunks", "untouched", "overhead", "committed", "committed_peak",
           "limit", "pinned_by_live", "n_live", "n_chunks", "n_owners"}
for line in open(sys.argv[1], encoding="utf-8"):
    pools = json.loads(line)
    assert [p["stats"]["name"] for p in pools].count("session") == 2, pools
    for p in pools:
        assert set(p) == {"kind", "depth", "stats"} and set(p["stats"]) == members, p
        s = p["stats"]
        assert s["committed"] == s["live"] + s["free_in_chunks"] + s["untouched"] + s["overhead"]
END
fi

metrics=$tmp/metrics.prom
echo old > "$metrics"
run "stats=exit,stats_format=prometheus,stats_file=$metrics" exit
run "stats=exit,stats_format=prometheus,stats_file=$metrics" exit
[ ! -e "$metrics.new" ] || fail "a file is left over"
expect '^poolkit_pools\{kind="heap",name="session"\} 2$' "$metrics"
expect '^poolkit_limit_bytes\{kind="heap",name="session"\} 67108864$' "$metrics"
expect '^poolkit_live_blocks\{kind="shared pool",name="messages"\} 1$' "$metrics"
expect 'name="odd \\" \\\\ \\n � é"\} ' "$metrics"
refuse 'poolkit_live_blocks\{kind="arena"' "$metrics"

# The format's rules: a metric is one group, HELP before TYPE before its samples; labels are escaped;
# no two samples are the same; the last line ends.
awk '
function bad(text) { print FILENAME ":" FNR ": " text; failed = 1 }
/^# HELP [a-z_]+ ./ { if ($3 in seen) bad("again: " $3); seen[$3] = 1; metric = $3; typed = 0; next }
/^# TYPE / { if ($3 != metric || $4 != "gauge" || NF != 4 || typed) bad("type"); typed = 1; next }
{
    if (!match($0, /^[a-z_]+\{kind="[a-z ]+",name="([^"\\]|\\["\\n])*"\} [0-9]+$/)) bad("form")
    name = substr($0, 1, index($0, "{") - 1)
    if (name != metric || !typed) bad("outside of its group")
    sub(/ [0-9]+$/, "")
    if ($0 in sample) bad("the same again")
    sample[$0] = 1
}
END { exit failed || FNR == 0 }' "$metrics" || fail "the metrics break the format's rules"
[ -z "$(tail -c 1 "$metrics")" ] || fail "the last line has no end"
if command -v promtool > /dev/null; then
    promtool check metrics < "$metrics" || fail "promtool check metrics"
fi

# ---- an unchanged program on the drop-in; ls closes its standard error before it exits ----
if [ -r "$POOLKIT_BUILD/libpoolkit-malloc.so" ]; then
    LD_PRELOAD=$POOLKIT_BUILD/libpoolkit-malloc.so POOLKIT_OPTIONS=stats=exit ls / > /dev/null 2> "$tmp/err"
    expect "^heap 'process heap': .* live of " "$tmp/err"
fi
exit $failed
