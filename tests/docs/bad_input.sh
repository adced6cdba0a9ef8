#!/bin/sh
# Each row of docs/design/bad-input.md names a test that exists and is run, and no test lacks a row.
set -eu
doc=$POOLKIT_SRC/docs/design/bad-input.md
tests=$POOLKIT_SRC/tests/api
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A row: a line of the table but its head and the line below it; the last cell is `name_of_test`.
grep '^|' "$doc" | tail -n +3 > "$work/rows"
sed -nE 's/^.*\| `([a-z0-9_]+)` \|$/\1/p' "$work/rows" | sort > "$work/named"
cat "$tests"/bad_input*.[ch] > "$work/code"
sed -nE 's/^START_TEST\(([a-z0-9_]+)\)$/\1/p' "$work/code" | sort > "$work/written"
sed -n '/ADD_CASE/,/;/p' "$work/code" | grep -oE '[a-z0-9_]+' | sort > "$work/run"

failed=0
if [ "$(wc -l < "$work/rows")" != "$(wc -l < "$work/named")" ]; then
    echo "a row names no test:"
    grep -vE '\| `[a-z0-9_]+` \|$' "$work/rows"
    failed=1
fi
for name in $(uniq -d "$work/named"); do
    echo "two rows name $name"
    failed=1
done
for name in $(comm -23 "$work/named" "$work/written"); do
    echo "there is no test $name"
    failed=1
done
for name in $(comm -13 "$work/named" "$work/written"); do
    echo "no row names the test $name"
    failed=1
done
for name in $(comm -23 "$work/written" "$work/run"); do
    echo "the test $name is not run"
    failed=1
done
n=$(wc -l < "$work/named")
echo "$n rows"
[ "$n" -gt 0 ] || failed=1
exit $failed
