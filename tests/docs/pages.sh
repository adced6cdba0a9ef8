#!/bin/sh
# Each block of C or C++ in the README and the pages of docs/ compiles without a warning, runs,
# and exits with 0. A block without a main of its own is the body of one; one with a main includes what
# it needs by itself. There are no exceptions: a reader may copy any of them.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$POOLKIT_SRC"

# Writes the blocks of page $1 to $work/<page>.<line>.c or .cpp, each with its place for the compiler.
extract()
{
    awk -v page="$1" -v stem="$work/$(basename "$1" .md)" '
        function flush() {
            file = stem "." begin "." kind
            body = text !~ /int main\(/
            header = kind == "cpp" ? "poolkit.hpp" : "poolkit.h"
            if (body) {
                print "#include <poolkit/" header ">\n#include <errno.h>\n#include <stdio.h>" > file
                print "#include <stdlib.h>\n#include <string.h>\nint main(void) {" > file
            }
            printf "#line %d \"%s\"\n%s", begin, page, text > file
            if (body) print "return 0; }" > file
            close(file)
        }
        /^```/ && kind { flush(); kind = ""; next }
        /^```cp*$/     { kind = substr($0, 4); begin = NR + 1; text = ""; next }
        /^```[a-z]/    { other = 1; next }
        /^```$/        { other = !other; next }
        kind           { text = text $0 "\n" }
        END            { if (kind) { print page ": a block of code has no end"; exit 1 } }' "$1"
}

# Translations have the same blocks: see translation.sh.
for page in $(grep -lE '^```cp*$' README.md docs/*.md docs/pools/*.md | grep -v zh-CN); do
    extract "$page"
done
ls "$work"/README.* "$work"/guide.* > /dev/null || { echo "no code found"; exit 1; }

failed=0
for block in "$work"/*.c "$work"/*.cpp; do
    [ -e "$block" ] || continue
    case $block in
    *.cpp) compile="${CXX:-c++} -std=c++17" ;;
    *) compile="${CC:-cc} -std=c11" ;;
    esac
    if $compile -Wall -Wextra -Werror -Iinclude "$block" "$POOLKIT_BUILD/libpoolkit.a" -pthread \
           -o "$work/program" && "$work/program" > "$work/output" 2>&1; then
        echo "good: $(basename "$block")"
    else
        echo "FAILED: $(basename "$block") (page, first line of the block)"
        [ ! -e "$work/output" ] || cat "$work/output"
        failed=1
    fi
    rm -f "$work/program" "$work/output"
done
exit $failed
