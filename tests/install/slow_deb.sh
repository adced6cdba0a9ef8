#!/bin/bash
# `make deb` makes Debian's packages; lintian finds no error in them; unpacked into a folder they have the
# manual, build a stranger's projects, and their command finds what it needs. No rights are needed.
set -eu
for tool in dh lintian dpkg-buildpackage; do
    command -v $tool > /dev/null || { echo "skipped: no $tool (scripts/setup deb)"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quiet() { "$@" > "$work/log" 2>&1 || { tail -30 "$work/log"; echo "failed: $*"; exit 1; }; }
fail() { echo "$*"; exit 1; }

cd "$POOLKIT_SRC"
# dpkg takes the system's compiler; what this test was started with is for the tree's own build.
quiet env -u CC -u CXX scripts/make-deb
cd build/deb
for package in libpoolkit0 libpoolkit-dev libpoolkit-malloc0 poolkit; do
    ls ${package}_*_*.deb > /dev/null || fail "there is no $package"
    dpkg-deb -x ${package}_*_*.deb "$work/root"
done

echo "lintian"
quiet lintian --fail-on error ./*.changes
grep '^[EW]:' "$work/log" | grep -v 'initial-upload-closes-no-bugs' && fail "lintian warns"

echo "manual"
man=$work/root/usr/share/man
for page in '1 poolkit' '3 pk_arena_alloc' '3 poolkit_heap' '3 pk_stats'; do
    quiet man -M "$man" $page
done
man -M "$man" 3 pk_arena_alloc | grep -q 'pk_arena_alloc(pk_arena' || fail "man pk_arena_alloc: no declaration"

echo "find_package and pkg-config"
cp -r "$POOLKIT_SRC/tests/install/consumer" "$work/stranger"
cd "$work/stranger"
libdir=$(dirname "$(find "$work/root" -name libpoolkit.a)")
export LD_LIBRARY_PATH="$libdir" PKG_CONFIG_PATH="$libdir/pkgconfig"
quiet cmake -S . -B "$work/build" -DCMAKE_PREFIX_PATH="$work/root/usr" -Dpoolkit_DIR="$libdir/cmake/poolkit"
quiet cmake --build "$work/build"
for program in c_shared c_static cxx_shared c_malloc malloc_shared malloc_static; do
    "$work/build/$program"
done
export PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1
quiet make c_program cxx_program malloc_program
./c_program && ./cxx_program && ./malloc_program
if strings -a "$libdir/libpoolkit.so" | grep -q 'Assertion\|__assert_fail'; then fail "asserts are compiled in"; fi

echo "the command, without the files for developers"
rm "$libdir"/libpoolkit*.so
PATH=$work/root/usr/bin:$PATH sh "$POOLKIT_SRC/packaging/debian/tests/command" || fail "the command fails"
