#!/bin/sh
# Installs to a folder of its own, moves that, and builds small programs against it in C and C++,
# by find_package and by pkg-config.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$POOLKIT_SRC/tests/install/consumer

cmake --install "$POOLKIT_BUILD" --prefix "$work/first" > "$work/log"
mv "$work/first" "$work/moved"
libdir=$(dirname "$(find "$work/moved" -name libpoolkit.a)")
export LD_LIBRARY_PATH="$libdir"
[ ! -x "$POOLKIT_BUILD/poolkit" ] || "$work/moved/bin/poolkit" --version

echo "find_package"
cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/moved" > "$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/build" > "$work/log" || { cat "$work/log"; exit 1; }
for program in c_shared c_static cxx_shared c_malloc; do
    [ $program = c_malloc ] && [ ! -e "$libdir/libpoolkit-malloc.so" ] || "$work/build/$program"
done

echo "pkg-config"
command -v pkg-config >/dev/null || exit 77
export PKG_CONFIG_PATH="$libdir/pkgconfig"
[ "$(pkg-config --modversion poolkit)" = "$(cat "$POOLKIT_SRC/VERSION")" ]
${CC:-cc} "$here/main.c" $(pkg-config --cflags --libs poolkit) -o "$work/c" && "$work/c"
${CXX:-c++} "$here/main.cpp" $(pkg-config --cflags --libs poolkit) -o "$work/cxx" && "$work/cxx"
${CC:-cc} "$here/main.c" $(pkg-config --cflags poolkit) "$libdir/libpoolkit.a" -pthread -o "$work/s" && "$work/s"
