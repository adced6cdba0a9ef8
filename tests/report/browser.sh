#!/bin/bash
# SPDX-License-Identifier: MIT
# browser.sh: makes pages from made-up reports and clicks through them in Chromium.
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

# Nothing is left behind where a page cannot be written, and an older page stays.
mkdir "$work/full"
echo old >"$work/full/page.html"
echo '{' >"$work/broken.json"
! "$POOLKIT_BUILD/tests/write_page" "$work/broken.json" "$work/full/page.html" 2>/dev/null
! "$POOLKIT_BUILD/tests/write_page" "$work/none.json" "$work/missing/page.html" 2>/dev/null
[[ $(cat "$work/full/page.html") == old && $(ls "$work/full" | wc -l) == 1 ]]

CHROMIUM=$chromium node "$here/browser.mjs" "$work"
