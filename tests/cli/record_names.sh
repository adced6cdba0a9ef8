#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# record_names.sh: functions, files, lines and inlined functions are found; what was found is kept,
# and damage to what was kept does no harm.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"
source "$(dirname "${BASH_SOURCE[0]}")/record.inc"

cat >names.c <<'C'
#include <stdlib.h>
static inline __attribute__((always_inline)) void *innermost(size_t n)
{
    return malloc(n); /* line 4 */
}
static inline __attribute__((always_inline)) void *between(size_t n)
{
    return innermost(n + 1); /* line 8 */
}
__attribute__((noinline)) void *outer(size_t n)
{
    void *volatile block = between(n); /* line 12 */
    return block;
}
int main(void)
{
    free(outer(1000)); /* line 17 */
    return 0;
}
C
"$CC" -g -O1 -fno-omit-frame-pointer names.c -o names || fail "the compiler does not work"
stack() {
    awk '/^stack / { n = $2 } /^  / { text[n] = text[n] $2 " " $3 " " $4 "\n" }
         /^[0-9]/ && $3 == "malloc" && $5 == 1001 { printf "%s", text[$NF]; exit }' r.pkt.txt |
        sed "s|[^ ]*/names\.c|names.c|" | sed 's/ *$//'
}
wanted="innermost names.c:4 (inlined)
between names.c:8 (inlined)
outer names.c:12
main names.c:17"
check() {
    dump r.pkt
    [[ $(stack | head -4) == "$wanted" ]] || fail "$1: $(stack)"
}
record 0 -- ./names
grep -q 'built without libdw' err && skip "poolkit was built without libdw"
check "names"
[[ $(ls cache/poolkit/symbols | wc -l) -ge 1 ]] || fail "nothing was kept"

# The same from what was kept; from damaged files; from none.
record 0 -- ./names
check "kept"
for file in cache/poolkit/symbols/*; do
    head -c 100 /dev/urandom >>"$file"
done
record 0 -- ./names
check "damaged"
for file in cache/poolkit/symbols/*; do
    head -c 60 "$file" >cut && cat cut >"$file"
done
record 0 -- ./names
check "cut"
chmod -R a-w cache
record 0 --no-cache -- ./names
check "--no-cache"
chmod -R u+w cache
rm -r cache
record 0 --no-cache -- ./names
[[ ! -e cache ]] || fail "--no-cache keeps"

# What was kept is used: a name that is only there is shown.
record 0 -- ./names
id=$(awk '/^module / && /\/names$/ { print $5 }' <("$poolkit" dump r.pkt))
kept=cache/poolkit/symbols/$id
python3 - "$kept" <<'P' || fail "no file was kept for build $id"
import sys
head, body = open(sys.argv[1]).read().split("\n", 1)
body, h = body.replace("between", "BETWEEN"), 0xcbf29ce484222325
for c in body.encode():
    h = (h ^ c) * 0x100000001b3 & 0xffffffffffffffff
open(sys.argv[1], "w").write("poolkit-symbols 1 %016x\n%s" % (h, body))
P
record 0 -- ./names
dump r.pkt
has r.pkt.txt "BETWEEN"

# A program that was built again is another one: its old recording gets no wrong names.
cp r.pkt old.pkt
"$CC" -g -O1 -fno-omit-frame-pointer -Dinnermost=changed names.c -o names
run 0 "$poolkit" record --quiet --no-cache -o r.pkt -- ./names
dump r.pkt
[[ $(stack | head -1) == "changed names.c:4 (inlined)" ]] || fail "changed: $(stack)"

# C++: the names that people read.
if command -v "${CXX:-c++}" >/dev/null; then
    cat >names.cc <<'C'
#include <string>
namespace shop {
struct basket {
    __attribute__((noinline)) int *add(int n, const std::string &) { return new int[n]; }
};
}
int main()
{
    shop::basket b;
    int *volatile p = b.add(100, "x");
    delete[] p;
}
C
    "${CXX:-c++}" -g -O1 -fno-omit-frame-pointer names.cc -o names-cc || fail "the C++ compiler does not work"
    record 0 -- ./names-cc
    dump r.pkt
    has r.pkt.txt "shop::basket::add(int, "
fi

# Compilers that write no table of units by address.
if command -v clang >/dev/null; then
    clang -g -O1 -fno-omit-frame-pointer names.c -o names || fail "clang does not work"
    record 0 -- ./names
    check "clang"
fi
finish
