#!/bin/sh
# The reader against libFuzzer for POOLKIT_FUZZ_SECONDS (300), under AddressSanitizer; without clang's
# fuzzer, once over the files it would start from. Inputs that fail are left in $POOLKIT_BUILD.
set -eu
here=$POOLKIT_SRC/tests/trace
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/corpus"
build() { # compiler, flags...
    "$@" -g -O1 -D_GNU_SOURCE -I"$POOLKIT_SRC/tools" -I"$POOLKIT_SRC/tests/support" \
        -o "$dir/$name" "$here/$name.c" "$POOLKIT_SRC"/tools/trace/*.c $(pkg-config --cflags --libs libzstd)
}

# A byte 0, then a file: read as it is.
name=sample
build "${CC:-cc}"
"$dir/sample" example "$dir/example"
for seed in 4 5; do "$dir/sample" random "$dir/random$seed" $seed; done
for file in example random4 random5; do
    { printf '\0'; cat "$dir/$file"; } >"$dir/corpus/$file"
done
# A byte 1, then kinds, lengths and contents: of the example's chunks.
if command -v python3 >/dev/null; then
    python3 - "$here/reader.py" "$dir/example" "$dir/corpus/contents" <<'EOF'
import importlib.util, struct, sys
data, out, sys.argv = open(sys.argv[2], "rb").read(), sys.argv[3], [sys.argv[1], sys.argv[2]]
sys.stdout = open("/dev/null", "w")
spec = importlib.util.spec_from_file_location("reader", sys.argv[0])
reader = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reader)
with open(out, "wb") as file:
    file.write(b"\1")
    for kind, content, _ in reader.chunks(data):
        file.write(struct.pack("<BH", kind, len(content)) + content)
EOF
fi

name=fuzz_reader
if build clang -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all 2>/dev/null; then
    "$dir/fuzz_reader" -max_total_time="${POOLKIT_FUZZ_SECONDS:-300}" -max_len=8192 -timeout=10 \
        -rss_limit_mb=2048 -malloc_limit_mb=600 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$POOLKIT_BUILD/fuzz-" "$dir/corpus"
else
    echo "clang's fuzzer is missing: only the files it would start from"
    build "${CC:-cc}" -DFUZZ_FILES
    "$dir/fuzz_reader" "$dir"/corpus/*
fi
