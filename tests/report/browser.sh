#!/bin/bash
# SPDX-License-Identifier: MIT
# browser.sh: makes pages from made-up reports and from a recording, and clicks through them in Chromium.
set -eu
here=$POOLKIT_SRC/tests/report

skip() { echo "skipped: $*"; exit 77; }

command -v node >/dev/null || skip "node is missing"
[[ -d $POOLKIT_BUILD/tests/report/node_modules/puppeteer-core ]] ||
    skip "npm's packages were not fetched when the build was configured"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    skip "no Chromium is installed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for kind in redis large hostile single none; do
    node "$here/make-example.mjs" $kind "$work/$kind.json"
    "$POOLKIT_BUILD/tests/write_page" "$work/$kind.json" "$work/$kind.html" || {
        [[ $? == 77 ]] && skip "this build holds no page"
        exit 1
    }
done

# One of a program that was recorded, where this build can record.
if [[ -e $POOLKIT_BUILD/libpoolkit-record.so ]]; then
    $CC -O1 -g -o "$work/program" "$POOLKIT_SRC/tests/analysis/pinning.c"
    "$POOLKIT_BUILD/poolkit" record --quiet -o "$work/real.pkt" -- "$work/program" >/dev/null
    "$POOLKIT_BUILD/poolkit" report "$work/real.pkt" -o "$work/real.html" >/dev/null
fi

write_page=$POOLKIT_BUILD/tests/write_page

fail() { echo "FAILED: $*"; exit 1; }
refuses() { if "$@" 2>"$work/err"; then fail "not refused: $*"; fi; }

# Where a page cannot be written an older one stays, and nothing is left behind.
mkdir "$work/old"
echo old >"$work/old/page.html"
echo '{' >"$work/broken.json"
refuses "$write_page" "$work/broken.json" "$work/old/page.html"
refuses "$write_page" "$work/none.json" "$work/missing/page.html"
grep -q 'No such file' "$work/err" || fail "no reason: $(cat "$work/err")"
(trap '' XFSZ; ulimit -f 16; refuses "$write_page" "$work/redis.json" "$work/old/page.html")
grep -q 'File too large' "$work/err" || fail "no reason: $(cat "$work/err")"
[[ $(cat "$work/old/page.html") == old && $(ls "$work/old") == page.html ]] || fail "a page is lost"

# xdg-open gets the page's absolute path, also when its name looks like an option.
mkdir "$work/bin" && cd "$work/bin"
printf '#!/bin/sh\n[ $# = 1 ] && echo "$1" >../opened\nexit ${OPENER:-0}\n' >xdg-open
chmod +x xdg-open
PATH=$work/bin:$PATH "$write_page" "$work/none.json" -x.html open
[[ $(cat "$work/opened") == "$work/bin/-x.html" ]] || fail "opened $(cat "$work/opened")"
OPENER=3 PATH=$work/bin:$PATH refuses "$write_page" "$work/none.json" -x.html open
grep -q 'could not open -x.html' "$work/err" || fail "no reason: $(cat "$work/err")"

CHROMIUM=$chromium node "$here/browser.mjs" "$work"
