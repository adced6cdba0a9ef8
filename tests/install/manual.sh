#!/bin/bash
# Each function that libpoolkit.so exports, and each inline one of the headers, has a manual page; the
# pages are free of what mandoc and groff warn of, and `man` opens one by the name of a function.
set -eu
man=$POOLKIT_BUILD/man
[[ -e $man/man3/poolkit.3 ]] || { echo "skipped: the pages were not made, as python3 is missing"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "$*"; failed=1; }

nm -D --defined-only "$POOLKIT_BUILD/libpoolkit.so" | awk '{ sub(/@.*/, "", $3); print $3 }' > "$work/names"
grep -hoE '^static inline [a-z_ *]*\<pk_\w+\(' "$POOLKIT_SRC"/include/poolkit/*.h |
    sed -E 's/.*\<(pk_\w+)\($/\1/' >> "$work/names"
(($(wc -l < "$work/names") > 80)) || fail "only $(wc -l < "$work/names") functions were found"
while read -r name; do
    page=$(sed -n 's/^\.so //p' "$man/man3/$name.3" 2>/dev/null) || page=
    if [[ -z $page || ! -e $man/$page ]]; then
        fail "$name has no manual page"
    elif ! sed 's/\\fI//g; s/\\f[BP]//g' "$man/$page" | grep -qE "^\S.*\b$name\("; then
        fail "$page does not declare $name"
    elif ! sed -n '/^\.SH FUNCTIONS/,/^\.SH TYPES/p' "$man/$page" | grep -qF "\\fB$name\\fP()"; then
        fail "$page does not describe $name"
    fi
done < "$work/names"

cd "$man"
for page in man3/poolkit*.3 "$POOLKIT_SRC/docs/man/poolkit.1"; do
    for section in NAME SYNOPSIS DESCRIPTION 'SEE ALSO'; do
        grep -qi "^\.S[Hh] $section" "$page" || fail "$page has no $section"
    done
    ! command -v mandoc >/dev/null || mandoc -T lint -W warning "$page" > "$work/lint" 2>&1 ||
        { cat "$work/lint"; fail "$page: mandoc warns"; }
    ! command -v groff >/dev/null || groff -mandoc -ww -Tutf8 -z "$page" > "$work/lint" 2>&1
    [[ ! -s $work/lint ]] || { cat "$work/lint"; fail "$page: groff warns"; }
done

if command -v man >/dev/null; then
    MANWIDTH=80 man -M "$man" 3 pk_arena_alloc > "$work/page" || fail "man pk_arena_alloc fails"
    grep -q 'void \*pk_arena_alloc(pk_arena \*arena, size_t n);' "$work/page" ||
        fail "man pk_arena_alloc shows no declaration"
    grep -q 'n bytes, contents undefined' "$work/page" || fail "man pk_arena_alloc tells nothing of it"
fi

# A function without a comment ends the making of the pages.
mkdir -p "$work/tree/docs/man" "$work/tree/include"
cp -r "$POOLKIT_SRC/include/poolkit" "$work/tree/include"
cp "$POOLKIT_SRC/docs/man/"* "$work/tree/docs/man"
cp "$POOLKIT_SRC/VERSION" "$work/tree"
sed -i 's/^PK_API const char \*pk_version/\n&/' "$work/tree/include/poolkit/common.h"
if python3 "$work/tree/docs/man/pages.py" "$work/out" 2> "$work/error"; then
    fail "a function without a comment was let through"
fi
grep -q 'pk_version has no comment' "$work/error" || fail "the message: $(cat "$work/error")"
exit $failed
