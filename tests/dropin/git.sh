#!/bin/bash
# SPDX-License-Identifier: MIT
#
# git: a repository with generated content, branches, merges, clone, gc, fsck, log, blame, grep. All
# names, dates and hashes must be the same.
. "$(dirname "$0")/lib.bash"
need git awk

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='1700000000 +0000'
export GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
export GIT_COMMITTER_DATE='1700000000 +0000'

content() # FILES SEED
{
    awk -v files="$1" -v seed="$2" 'BEGIN {
        srand(seed)
        for (f = 0; f < files; f++) {
            name = "dir" f % 7 "/file" f ".txt"
            for (i = 0; i < 150 + rand() * 300; i++)
                printf "%d line %d of %s, %x\n", rand() * 1000000, i, name, rand() * 16777216 > name
            close(name)
        }
    }'
}

repository()
{
    git init -q -b main one && cd one || return 1
    mkdir dir0 dir1 dir2 dir3 dir4 dir5 dir6
    for round in 1 2 3 4 5; do
        content $((round * 40)) "$round"
        git add -A && git commit -q -m "round $round" || return 1
    done
    git checkout -q -b side HEAD~2 && echo side > dir0/side.txt && git add -A || return 1
    git commit -q -m side && git checkout -q main && git merge -q -m merge side || return 1
    git tag v1
    git rev-parse HEAD side v1
    cd .. && git clone -q --no-local one two && cd two || return 1
    git repack -q -a -d -f --threads=2 --window=20
    git gc -q --aggressive
    git fsck --full --strict
    git log -p --stat --graph --all | sha256sum
    git log --format='%H %T %an %s' -M -C
    git blame dir0/file0.txt | sha256sum
    git grep -n -E '(12|34)5.*f' | sha256sum
    git diff HEAD~3 --word-diff | sha256sum
    git ls-tree -r HEAD | sha256sum
    git archive HEAD | sha256sum
    git rev-list --objects --all | sort | sha256sum
    git status --short
    git cat-file --batch-check --batch-all-objects | cut -d ' ' -f 1-3 | sha256sum
}

both "repository" repository
finish
