#!/bin/sh
# The libraries export what their lists in cmake/ say and depend on nothing but the C library.
set -eu
cd "$POOLKIT_BUILD"
status=0
exported() { nm -D --defined-only "$1" | awk '{ sub(/@.*/, "", $3); print $3 }'; }

if exported libpoolkit.so | grep -v '^pk_'; then
    echo "libpoolkit.so exports these, which are not public"; status=1
fi
for library in libpoolkit.so libpoolkit-malloc.so; do
    [ -e $library ] || continue
    if readelf -d $library | grep NEEDED | grep -v '\[libc\.\|\[ld-linux'; then
        echo "$library depends on more than the C library"; status=1
    fi
done
readelf -d libpoolkit.so | grep -q 'SONAME.*\[libpoolkit.so.0\]' || { echo "libpoolkit.so: soname"; status=1; }

[ -e libpoolkit-malloc.so ] || exit $status
readelf -d libpoolkit-malloc.so | grep -q 'SONAME.*\[libpoolkit-malloc.so.0\]' ||
    { echo "libpoolkit-malloc.so: soname"; status=1; }
exported libpoolkit-malloc.so > exported.txt
# All forms that the C++ standard lets a program replace.
for form in 'nw%s' 'nw%sRKSt9nothrow_t' 'nw%sSt11align_val_t' 'nw%sSt11align_val_tRKSt9nothrow_t' \
            'na%s' 'na%sRKSt9nothrow_t' 'na%sSt11align_val_t' 'na%sSt11align_val_tRKSt9nothrow_t' \
            'dlPv' 'dlPvRKSt9nothrow_t' 'dlPvSt11align_val_t' 'dlPvSt11align_val_tRKSt9nothrow_t' \
            'daPv' 'daPvRKSt9nothrow_t' 'daPvSt11align_val_t' 'daPvSt11align_val_tRKSt9nothrow_t' \
            'dlPv%s' 'dlPv%sSt11align_val_t' 'daPv%s' 'daPv%sSt11align_val_t'; do
    symbol=_Z$(printf "$form" m)
    grep -qx "$symbol" exported.txt || { echo "libpoolkit-malloc.so lacks $(c++filt "$symbol")"; status=1; }
done
for symbol in malloc free calloc realloc reallocarray memalign posix_memalign aligned_alloc valloc \
              pvalloc malloc_usable_size; do
    grep -qx $symbol exported.txt || { echo "libpoolkit-malloc.so lacks $symbol"; status=1; }
done
exit $status
