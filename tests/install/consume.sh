#!/bin/sh
# Installs to a folder of its own, moves that, and builds a stranger's projects against it in C and C++,
# by find_package and by pkg-config, with shared libraries and without. Then DESTDIR and uninstall.
set -eu
work=$(mktemp -d)
# What the last real installation put where is known to `uninstall` by this file alone: keep it.
manifest=$POOLKIT_BUILD/install_manifest.txt
[ ! -e "$manifest" ] || cp "$manifest" "$work/manifest"
restore() {
    rm -f "$manifest"
    [ ! -e "$work/manifest" ] || cp "$work/manifest" "$manifest"
    rm -rf "$work"
}
trap restore EXIT
quiet() { "$@" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }
cp -r "$POOLKIT_SRC/tests/install/consumer" "$work/stranger"
cd "$work/stranger"

quiet cmake --install "$POOLKIT_BUILD" --prefix "$work/first"
mv "$work/first" "$work/moved"
libdir=$(dirname "$(find "$work/moved" -name libpoolkit.a)")
export LD_LIBRARY_PATH="$libdir"
[ ! -x "$POOLKIT_BUILD/poolkit" ] || "$work/moved/bin/poolkit" --version
has_dropin() { [ -e "$libdir/libpoolkit-malloc.so" ]; }

echo "find_package"
quiet cmake -S . -B "$work/build" -DCMAKE_PREFIX_PATH="$work/moved"
quiet cmake --build "$work/build"
for program in c_shared c_static cxx_shared; do "$work/build/$program"; done
if has_dropin; then
    for program in c_malloc malloc_shared malloc_static; do "$work/build/$program"; done
fi

echo "DESTDIR and uninstall"
quiet env DESTDIR="$work/package" cmake --install "$POOLKIT_BUILD" --prefix /opt/poolkit
[ -e "$work/package/opt/poolkit/include/poolkit/poolkit.h" ]
quiet env DESTDIR="$work/package" cmake --build "$POOLKIT_BUILD" --target uninstall
left=$(find "$work/package" ! -type d; find "$work/package" -type d -name poolkit -path '*poolkit/*poolkit')
[ -z "$left" ] || { echo "left behind:" $left; exit 1; }

echo "pkg-config"
command -v pkg-config >/dev/null || exit 77
export PKG_CONFIG_PATH="$libdir/pkgconfig"
[ "$(pkg-config --modversion poolkit)" = "$(cat "$POOLKIT_SRC/VERSION")" ]
quiet make c_program cxx_program c_static
for program in c_program cxx_program c_static; do "./$program"; done
if has_dropin; then
    quiet make malloc_program malloc_static
    ./malloc_program && ./malloc_static
fi
