#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# hook.sh: the hook that looks at what is staged refuses a file in another shape and a layer that is broken,
# and lets the rest pass.
set -u
command -v git >/dev/null && command -v clang-format >/dev/null || exit 77
[[ -d $POOLKIT_SRC/.git ]] || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -c safe.directory='*' clone -q --depth 1 "file://$POOLKIT_SRC" "$work/tree" 2>"$work/err" || {
    cat "$work/err"
    exit 77
}
cd "$work/tree" || exit 1
cp "$POOLKIT_SRC"/scripts/hooks/pre-commit scripts/hooks/
git config core.hooksPath scripts/hooks
git config user.name test
git config user.email test@localhost
status=0

# try WANTED WHAT: commits what is staged.
try() {
    local got=taken
    git commit -qm "$2" >"$work/said" 2>&1 || got=refused
    if [[ $got != "$1" ]]; then
        echo "$2 was $got: $(cat "$work/said")"
        status=1
    fi
    git reset -q --hard "$start"
}

start=$(git rev-parse HEAD)
printf '\nint  odd ;\n' >>src/base/bits.h
git add -A
try refused "a file in another shape"
sed -i 's/^#include "base\/attr.h"/&\n#include "slab\/slab.h"/' src/os/lock.h
git add -A
try refused "a room that looks up"
printf '\nA word more.\n' >>README.md
printf '\nint  not_staged ;\n' >>src/base/bits.h
git add README.md
try taken "a staged file that is right, beside one that is not"
exit $status
