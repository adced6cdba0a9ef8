#!/bin/sh
# The code under "Example:" in each public header compiles without a warning, runs, and exits
# with 0: in C11, that of a *.hpp in C++17. A block without a main of its own is the body of one.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for header in "$POOLKIT_SRC"/include/poolkit/*.h "$POOLKIT_SRC"/include/poolkit/*.hpp; do
    name=$(basename "$header")
    case $name in
    *.hpp) language="c++ -std=c++17" compiler=${CXX:-c++} ;;
    *) language="c -std=c11" compiler=${CC:-cc} ;;
    esac
    # The block: lines of the comment that are indented by four or more, up to the first that is not.
    awk '/^ \* Example:/ { on = 1; next }
         on && /^ \*     / { print substr($0, 8); next }
         on && !/^ \*$/ { exit }' "$header" > "$work/block"
    [ -s "$work/block" ] || continue
    {
        echo '#include <poolkit/poolkit.h>'
        echo '#include <stdio.h>'
        echo '#include <stdlib.h>'
        echo '#include <string.h>'
        if grep -q 'int main(' "$work/block"; then
            cat "$work/block"
        else
            echo 'int main(void) {'
            cat "$work/block"
            echo 'return 0; }'
        fi
    } > "$work/source"
    echo "$name"
    $compiler -x $language -Wall -Wextra -Werror -I"$POOLKIT_SRC/include" "$work/source" \
        -x none "$POOLKIT_BUILD/libpoolkit.a" -pthread -o "$work/program"
    "$work/program"
done
