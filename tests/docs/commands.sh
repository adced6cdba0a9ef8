#!/bin/bash
# The poolkit commands in docs/recording.md do what the page says, one after the other, on a program that
# stands for the reader's: it has what the page's example has, and ends in a moment.
set -eu
[[ -x $POOLKIT_BUILD/poolkit && -e $POOLKIT_BUILD/libpoolkit-record.so ]] ||
    { echo "skipped: this build has no command, or cannot record"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
$CC -O1 -g -o program "$POOLKIT_SRC/tests/analysis/pinning.c"
$CC -O1 -g -DWITH_POOL -I"$POOLKIT_SRC/include" -o changed "$POOLKIT_SRC/tests/analysis/pinning.c" \
    "$POOLKIT_BUILD/libpoolkit.a" -pthread
PATH=$POOLKIT_BUILD:$PATH

# The blocks between ```sh and ```, without comments, and lines of text that begin with `poolkit …`.
awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$POOLKIT_SRC/docs/recording.md" |
    sed 's/ *#.*//' | grep . > commands
grep -oE '^`poolkit [^`]*`' "$POOLKIT_SRC/docs/recording.md" | tr -d '`' | grep -v '^poolkit export' >> commands
for format in pprof speedscope collapsed heaptrack dhat massif perfetto csv; do
    grep -q "$format" "$POOLKIT_SRC/docs/recording.md"
    echo "poolkit export p.pkt --to $format" >> commands
done

failed=0
while read -r command; do
    # The reader has changed the program as advised.
    [[ $command != *new.pkt* || -e new.pkt ]] || poolkit record --quiet -o new.pkt -- ./changed
    # What this machine lacks is left out.
    case $command in
    *--alloc*jemalloc*) command=${command/,jemalloc/} ;;
    esac
    if sh -c "$command" > out 2>&1 < /dev/null; then
        echo "ok      $command"
    else
        echo "FAILED  $command: $?"
        tail -5 out
        failed=1
    fi
done < commands
(($(wc -l < commands) >= 15)) || { echo "only $(wc -l < commands) commands were found"; failed=1; }
exit $failed
