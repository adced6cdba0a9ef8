#!/bin/sh
# docs/trace-format.md is true: a reader written from it alone reads what ours reads, and its example
# is what the writer makes.
set -eu
command -v python3 >/dev/null || { echo "python3 is missing"; exit 77; }
[ -e "$POOLKIT_BUILD/libpoolkit_trace.a" ] || { echo "poolkit_trace was not built"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
here=$POOLKIT_SRC/tests/trace

${CC:-cc} -std=c11 -D_GNU_SOURCE -I"$POOLKIT_SRC/tools" -I"$POOLKIT_SRC/tests/support" \
    -o "$dir/sample" "$here/sample.c" "$POOLKIT_BUILD/libpoolkit_trace.a" $(pkg-config --libs libzstd)

same() {
    "$dir/sample" "$@"
    "$dir/sample" print "$2" >"$dir/ours"
    python3 "$here/reader.py" "$2" >"$dir/theirs"
    cmp "$dir/ours" "$dir/theirs" || { echo "the readers disagree about: sample $*"; exit 1; }
}
same example "$dir/example"
same random "$dir/random" 4
same random "$dir/random" 5

# Only digits; the text behind ; is for people.
sed -n '/^<!-- the hexadecimal/,/^## What/{/^```$/,/^```$/p}' "$POOLKIT_SRC/docs/trace-format.md" |
    sed 's/;.*//; s/`//g' | tr -s ' \n' '\n' | grep . >"$dir/documented"
python3 "$here/reader.py" --hex "$dir/example" | tr -s ' \n' '\n' | grep . >"$dir/written"
[ -s "$dir/documented" ] && diff "$dir/documented" "$dir/written" || {
    echo "the example in docs/trace-format.md is not what the writer makes"
    exit 1
}
