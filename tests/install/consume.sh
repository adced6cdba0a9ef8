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
has_dropin() { [ -e "$libdir/libpoolkit-malloc.so" ]; }
# The command finds the libraries of the folder that it was moved to, also without the names that only
# developers need, and its own modules where no linker looks for them.
if [ -x "$POOLKIT_BUILD/poolkit" ]; then
    "$work/moved/bin/poolkit" --version
    mv "$libdir/libpoolkit-malloc.so" "$work/developers"
    "$work/moved/bin/poolkit" run -- sh -c 'grep -q "$0/libpoolkit-malloc" /proc/self/maps' "$libdir"
    quiet "$work/moved/bin/poolkit" compare -n 1 -- true
    if "$work/moved/bin/poolkit" help | grep -qw record; then
        quiet "$work/moved/bin/poolkit" record -o "$work/recording.pkt" -- ls
        quiet "$work/moved/bin/poolkit" replay "$work/recording.pkt"
    fi
    mv "$work/developers" "$libdir/libpoolkit-malloc.so"
    [ -z "$(find "$libdir" -maxdepth 1 -name '*-count*' -o -maxdepth 1 -name '*-record*')" ]
fi

echo "find_package"
quiet cmake -S . -B "$work/build" -DCMAKE_PREFIX_PATH="$work/moved"
quiet cmake --build "$work/build"
for program in c_shared c_static cxx_shared; do "$work/build/$program"; done
if has_dropin; then
    for program in c_malloc malloc_shared malloc_static; do "$work/build/$program"; done
fi

echo "find_package without the drop-in"
mkdir "$work/taken"
mv "$libdir"/cmake/poolkit/poolkit-malloc* "$libdir"/libpoolkit-malloc* "$work/taken" 2>/dev/null || true
quiet cmake -S . -B "$work/without" -DCMAKE_PREFIX_PATH="$work/moved"
quiet cmake --build "$work/without"
"$work/without/c_shared"
mv "$libdir"/cmake/poolkit/poolkit-shared* "$libdir"/libpoolkit.so* "$work/taken"
quiet cmake -S . -B "$work/without" -DCMAKE_PREFIX_PATH="$work/moved"
quiet cmake --build "$work/without" --clean-first
"$work/without/c_shared"
if cmake -S . -B "$work/without" -DCONSUMER_COMPONENTS=malloc > "$work/log" 2>&1; then
    echo "the component malloc was found, which is not there"; exit 1
fi
for file in "$work"/taken/*; do
    case $file in *.cmake) mv "$file" "$libdir/cmake/poolkit" ;; *'*') ;; *) mv "$file" "$libdir" ;; esac
done

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
