#!/bin/sh
# `make reference`: Doxygen warns of nothing in the public headers, and every function that the library
# exports is described on a page.
set -eu
command -v doxygen >/dev/null || { echo "skipped: no doxygen (scripts/setup reference)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$POOLKIT_SRC"
{ cat docs/reference/Doxyfile; echo "OUTPUT_DIRECTORY = $work"; } |
    POOLKIT_VERSION=$(cat VERSION) doxygen - > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
[ ! -s "$work/log" ] || { cat "$work/log"; exit 1; }

status=0
nm -D --defined-only "$POOLKIT_BUILD/libpoolkit.so" | awk '{ sub(/@.*/, "", $3); print $3 }' > "$work/names"
[ -s "$work/names" ]
# On the page of its header a function has a row, and below that a row with what it does.
cat "$work"/reference/*_8h.html > "$work/pages"
while read -r name; do
    row=$(grep -oE "memitem:[a-z0-9]+\".*[> ]$name(</[ab]>)* \(" "$work/pages" | head -1 | cut -d'"' -f1)
    if [ -z "$row" ] || ! grep -q "memdesc:${row#memitem:}\"" "$work/pages"; then
        echo "$name is not described"
        status=1
    fi
done < "$work/names"
exit $status
