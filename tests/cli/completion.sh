#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# completion.sh: completions know every subcommand and every option that the help knows.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"
source "$POOLKIT_SRC/share/completions/poolkit.bash"

complete_words() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _poolkit
    echo " ${COMPREPLY[*]} "
}

commands=$("$poolkit" help | sed -n 's/^  poolkit \([a-z]*\) .*/\1/p')
[[ -n $commands ]] || fail "no subcommands in the help"
for command in $commands; do
    [[ $(complete_words poolkit "") == *" $command "* ]] || fail "bash does not know $command"
    for shell in _poolkit poolkit.fish; do
        grep -qw "$command" "$POOLKIT_SRC/share/completions/$shell" || fail "$shell does not know $command"
    done
    "$poolkit" help "$command" >help.txt 2>/dev/null || continue
    for option in $(grep -o '^  \(-[a-z], \)\?--[a-z-]*' help.txt | grep -o -- '--[a-z-]*'); do
        [[ $(complete_words poolkit "$command" --) == *" $option "* ]] ||
            fail "bash does not know $command $option"
    done
done
[[ $(complete_words poolkit export --to "") == *" speedscope "* ]] || fail "no formats"
[[ $(complete_words poolkit record -- t) == *" true "* ]] || fail "no commands after --"
if command -v zsh >/dev/null; then
    zsh -n "$POOLKIT_SRC/share/completions/_poolkit" || fail "zsh cannot read its completion"
fi
if command -v fish >/dev/null; then
    fish --no-execute "$POOLKIT_SRC/share/completions/poolkit.fish" || fail "fish cannot read its completion"
    fish -c "source $POOLKIT_SRC/share/completions/poolkit.fish; complete -C 'poolkit exp'" |
        grep -q export || fail "fish does not complete"
fi
[[ $failures == 0 ]]
