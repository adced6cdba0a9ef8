#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# translation.sh: each PAGE.zh-CN.md has the code blocks of PAGE.md, in their order, and as many headings,
# tables' rows and pictures.
set -u
cd "$POOLKIT_SRC" || exit 1
status=0

blocks() { awk '/^```/ { on = !on } on' "$1"; }
count() { awk -v what="$2" '/^```/ { on = !on } !on && $0 ~ what { n++ } END { print n + 0 }' "$1"; }

found=0
while IFS= read -r page; do
    found=$((found + 1))
    original=${page%.zh-CN.md}.md
    if ! difference=$(diff <(blocks "$original") <(blocks "$page")); then
        echo "$page: its code is not that of $original:"
        head -n 5 <<<"$difference"
        status=1
    fi
    for what in '^#' '^[|]' '^!\['; do
        if [[ $(count "$original" "$what") != $(count "$page" "$what") ]]; then
            echo "$page: $(count "$page" "$what") lines with $what, $original has $(count "$original" "$what")"
            status=1
        fi
    done
done < <(find . -name '*.zh-CN.md' -not -path './build/*')
[[ $found -gt 0 ]] || { echo "no translation"; exit 1; }
exit $status
