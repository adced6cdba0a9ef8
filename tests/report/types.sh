#!/bin/bash
# SPDX-License-Identifier: MIT
# types.sh: the page's TypeScript is free of type errors.
set -u
page=${POOLKIT_BUILD:?}/report-page
tsc=$POOLKIT_BUILD/tests/report/node_modules/typescript/bin/tsc

skip() { echo "skipped: $*"; exit 77; }

command -v node >/dev/null || skip "node is missing"
[[ -e $tsc && -d $page/src ]] ||
    skip "npm's packages were not fetched when the build was configured"
node "$tsc" -p "$page"
