#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# errors.sh: every refusal is one clear line and the right exit code.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"

run 125 "$poolkit"
one_line "poolkit --help"
run 125 "$poolkit" bogus
one_line "no subcommand bogus"
run 125 "$poolkit" help bogus
one_line "no subcommand bogus"
run 125 "$poolkit" run
one_line "which command?"
run 125 "$poolkit" compare --
one_line "which command?"
run 125 "$poolkit" compare --bogus -- true
one_line "unknown option --bogus"
run 125 "$poolkit" run --bogus -- true
one_line "unknown option --bogus"
for bad in 0 x -1 1x '' 99999999999999999999; do
    run 125 "$poolkit" compare -n "$bad" -- true
    one_line "-n: a number"
done
run 125 "$poolkit" compare --warmup x -- true
one_line "--warmup: a number"
run 125 "$poolkit" compare --output some -- true
one_line "--output:"
run 125 "$poolkit" compare -n
one_line "needs a value"
run 125 "$poolkit" summary
one_line "which files?"
run 125 "$poolkit" summary no-such.json
one_line "no-such.json"
echo '{"format": 1, "allocators": [{}]}' >bad.json
run 125 "$poolkit" summary bad.json
one_line "bad.json: not a result"
head -c 4096 /dev/urandom >noise.json
run 125 "$poolkit" summary noise.json
one_line "not a result"

# Libraries that cannot be preloaded.
run 125 "$poolkit" compare --with no-such-library -- true
one_line "no library no-such-library"
run 125 "$poolkit" compare --with ./missing.so -- true
one_line "./missing.so"
run 125 "$poolkit" compare --with /etc/passwd -- true
one_line "/etc/passwd is not a shared library"
run 125 "$poolkit" compare --with poolkit=/etc/passwd -- true
one_line "/etc/passwd"

# Commands that are not there or cannot be run.
for subcommand in run compare; do
    run 127 "$poolkit" $subcommand -- /no/such
    one_line "/no/such: command not found"
    run 127 "$poolkit" $subcommand -- no-such-command
    one_line "no-such-command: command not found"
    run 126 "$poolkit" $subcommand -- /etc/passwd
    one_line "not an executable file"
    run 126 "$poolkit" $subcommand -- /
    one_line "not an executable file"
done
printf '#!/no/such/interpreter\n' >orphan
chmod +x orphan
run 127 "$poolkit" run -- ./orphan
one_line "/no/such/interpreter"

# Programs into which nothing can be preloaded.
echo 'int main(void) { return 0; }' >empty.c
if "$CC" -static empty.c -o static 2>/dev/null; then
    for subcommand in run compare; do
        run 125 "$poolkit" $subcommand -- ./static
        one_line "statically linked"
    done
    printf '#!%s/static\n' "$work" >script
    chmod +x script
    run 125 "$poolkit" run -- ./script
    one_line "statically linked"
    mkdir -p bin
    cp static bin/named
    printf '#!/usr/bin/env named\n' >script2
    chmod +x script2
    run 125 env PATH="$work/bin:$PATH" "$poolkit" run -- ./script2
    one_line "statically linked"
fi
if "$CC" -m32 empty.c -o narrow 2>/dev/null; then
    run 125 "$poolkit" run -- ./narrow
    one_line "not a 64-bit program"
fi
"$CC" empty.c -o plain || fail "the compiler does not work"
if [[ $(id -u) == 0 ]] && chown nobody plain && chmod u+s plain; then
    run 125 "$poolkit" run -- ./plain
    one_line "setuid"
    chown root plain
    chmod u-s plain
fi
head -c 40 plain >cut
chmod +x cut
run 125 "$poolkit" run -- ./cut
one_line "damaged"

run 0 "$poolkit" --help
has out "poolkit compare"
run 0 "$poolkit" help compare
has out "--with"
run 0 "$poolkit" compare --help
has out "--load"
run 0 "$poolkit" --version
grep -q '^poolkit ' out || fail "no version"
finish
