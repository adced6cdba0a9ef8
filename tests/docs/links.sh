#!/bin/sh
# Every relative link in every *.md of the tree leads to a file or folder that is there, and one with
# a #heading to a heading of that page. Text in code is no link.
set -eu
cd "$POOLKIT_SRC"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The page without code: fenced blocks and what stands between backquotes.
prose() { awk '/^ *```/ { code = !code; next } !code { gsub(/`[^`]*`/, "`"); print }' "$1"; }

# The targets of ](target), src="target" and href="target" that name no protocol.
targets()
{
    prose "$1" | grep -oE '\]\([^) ]+|(src|href)="[^"]+' | sed -E 's/^\]\(|^(src|href)="//' |
        grep -vE '^[a-z]+:' || true
}

# The names under which the headings of a page can be reached: lower case, no punctuation, - for spaces; other
# scripts as they are.
headings()
{
    awk '/^ *```/ { code = !code; next } !code && sub(/^#+ +/, "")' "$1" |
        sed -E 's/\]\([^)]*\)//g' | tr 'A-Z ' 'a-z-' | LC_ALL=C tr -cd 'a-z0-9_\n\200-\377-'
}

find . -name '*.md' -not -path './build*' -not -path './.git/*' | sort > "$work/pages"
n=0 failed=0
while read -r page; do
    targets "$page" > "$work/targets"
    while read -r target; do
        n=$((n + 1))
        file=${target%%#*} heading=
        case $target in *'#'*) heading=${target#*#} ;; esac
        if [ -z "$file" ]; then file=$page; else file=$(dirname "$page")/$file; fi
        if [ ! -e "$file" ]; then
            echo "$page: there is no $target"
            failed=1
        elif [ -n "$heading" ] && ! headings "$file" | grep -qxF -e "$heading"; then
            echo "$page: there is no such heading: $target"
            failed=1
        fi
    done < "$work/targets"
done < "$work/pages"
echo "$n links"
[ "$n" -gt 0 ] || failed=1
exit $failed
