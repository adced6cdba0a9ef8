#!/bin/bash
# SPDX-License-Identifier: MIT
#
# share/gdb/poolkit-gdb.py: pools, blocks and statistics of a running process and of its core file, with the
# library in the program, shared, and as the drop-in.
. "$(dirname "$0")/lib.bash"
for tool in gdb gcore; do
    command -v $tool > /dev/null || skip "$tool is not installed"
done
script=$POOLKIT_SRC/share/gdb/poolkit-gdb.py

ask() # ANSWERS GDB'S ARGUMENTS...: all questions; each block's answer begins with its name
{
    local answers=$1
    shift
    gdb -q -nx -batch -ex 'set debuginfod enabled off' "$@" -ex "source $script" \
        -ex 'poolkit pools' -ex 'echo @stats\n' -ex 'print shown' \
        -ex 'echo @small\n' -ex "poolkit block $small+5" -ex 'echo @freed\n' -ex "poolkit block $freed" \
        -ex 'echo @run\n' -ex "poolkit block $run+70000" \
        -ex 'echo @large\n' -ex "poolkit block $large+8000000" \
        -ex 'echo @message\n' -ex "poolkit block $message" -ex 'echo @request\n' \
        -ex "poolkit block $request" -ex 'echo @node\n' -ex "poolkit block $node" \
        -ex 'echo @free node\n' -ex "poolkit block $node+48" -ex 'echo @other\n' -ex "poolkit block $other" \
        -ex 'echo @foreign\n' -ex 'poolkit block &shown' -ex 'echo @head\n' \
        -ex "poolkit block $small & ~0x3fffffUL" -ex 'echo @end\n' > "$answers" 2>&1
}

answer() # NAME TEXT: a line of the answer on this block
{
    sed -n "/^@$1$/,/^@/p" "$answers" > "$tmp/answer"
    expect "$2" "$tmp/answer"
}

judge() # ANSWERS
{
    answers=$1
    expect "^0x[0-9a-f]+ +heap 'session': .* taken of .*, 1 chunk, 1 large block, 2 owners, limit 64.0 MiB$" \
        "$answers"
    expect "^0x[0-9a-f]+ +shared pool 'messages': 64.0 KiB taken of 4.0 MiB, " "$answers"
    expect "^0x[0-9a-f]+ +arena 'requests': .*, [0-9]+ chunks?$" "$answers"
    expect "^0x[0-9a-f]+ +block pool 'nodes': .*, 1 block of 48 bytes in use$" "$answers"
    answer stats "pk_stats of 'session' = \{live = 8\.[0-9] MiB, .* n_live = 3, "
    answer small "pool +heap 'session' at 0x"
    answer small "block +$small, 3[0-9]+ bytes; the address is byte 5$"
    answer small 'state +live$'
    answer small "owner +thread 1, LWP $pid$"
    answer freed "block +$freed, "
    answer freed "state +free, in a stack of thread 1, LWP $pid$"
    answer run "block +$run, 1[0-9]+ bytes; the address is byte 70000$"
    answer run 'state +live$'
    answer large "block +$large, 90[0-9]+ bytes; the address is byte 8000000$"
    answer message "pool +shared pool 'messages' at"
    answer message "block +$message, 112 bytes$"
    answer request "pool +arena 'requests' at"
    answer request 'state +handed out'
    answer node "block +$node, 48 bytes$"
    answer node 'state +live$'
    answer 'free node' 'state +(free|never)'
    answer other "block +$other, 5[0-9]+ bytes$"
    answer other "owner +thread 2, LWP $other_thread$"
    answer foreign "not poolkit's"
    answer head "place +the library's records of a chunk$"
}

look() # WHAT PROGRAM [NAME=VALUE]
{
    start env ${3:+"$3"} "$2" other
    wait_until grep -q done "$tmp/out" || fail "no second thread"
    read -r _ small _ freed _ run _ large _ message _ request _ node _ < "$tmp/out"
    other=$(awk '$1 == "other" { print $2 }' "$tmp/out")
    other_thread=$(ls "/proc/$pid/task" | tail -n 1)
    if ! ask "$tmp/live" -p "$pid" || grep -q 'ptrace: Operation not permitted' "$tmp/live"; then
        stop
        skip "gdb may not look at other processes here"
    fi
    gcore -o "$tmp/core" "$pid" > "$tmp/gcore" 2>&1 || fail "$1: no core file"
    ask "$tmp/dead" "$2" "$tmp/core.$pid"
    for answers in live dead; do
        sed -i "1i $1, $answers" "$tmp/$answers"
        judge "$tmp/$answers"
    done
    stop
    rm -f "$tmp"/core.*
}

# An installed library brings its script with it.
if command -v cmake > /dev/null && cmake --install "$POOLKIT_BUILD" --prefix "$tmp/inst" > /dev/null; then
    library=$(find "$tmp/inst" -name libpoolkit.so)
    gdb -q -nx -batch -iex "add-auto-load-safe-path $tmp/inst" -iex 'set debuginfod enabled off' \
        -iex "add-auto-load-scripts-directory $tmp/inst/share/gdb/auto-load" -ex 'poolkit pools' \
        "$library" > "$tmp/auto" 2>&1
    expect '^There are no pools' "$tmp/auto"
fi

build static a
build shared so
look 'in the program' "$tmp/static"
look 'shared' "$tmp/shared"
if [ -r "$POOLKIT_BUILD/libpoolkit-malloc.so" ]; then
    look 'the drop-in' "$tmp/shared" "LD_PRELOAD=$POOLKIT_BUILD/libpoolkit-malloc.so"
    expect "heap 'process heap': .*[1-9].* chunk" "$tmp/live"
fi
exit $failed
