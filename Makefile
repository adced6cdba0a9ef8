# A short way to the usual CMake calls; `make help` lists them. CMakePresets.json has the builds.
MAKEFLAGS += --no-print-directory
PREFIX ?= /usr/local
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc 2>/dev/null || echo 2)

# The builds that `make test` tests together.
TEST_BUILDS = release asan tsan clang

all: build-release

help:
	@echo 'make            build into build/ (needs what scripts/setup installs)'
	@echo 'make run        see poolkit at work on real programs'
	@echo 'make test       every test, also under the sanitizers and built by clang'
	@echo 'make bench      malloc against its peers, real programs and workloads: a quarter of an hour'
	@echo 'make bench-pools  the pools against their peers: tables, bench/results'
	@echo 'make bench-sharing  cache lines that go from thread to thread: some minutes'
	@echo 'make bench-record  what recording costs, beside heaptrack: some five minutes'
	@echo 'make dev        build with asserts, warnings are errors: build/dev'
	@echo 'make asan       the tests under the address and undefined behaviour sanitizers'
	@echo 'make tsan       the tests under the thread sanitizer'
	@echo 'make arm64      the tests cross compiled, under qemu'
	@echo 'make fuzz       libFuzzer on heap, pools, options, traces: FUZZ_SECONDS (600) each'
	@echo 'make soak       threads, forks and libraries that come and go: SOAK_MINUTES (30)'
	@echo 'make coverage   lines and branches that the tests reach, against their floors'
	@echo 'make check      all that must hold before a change goes in: rules, then test'
	@echo 'make rules      those that need no build: layers, invariants, format'
	@echo 'make fmt        bring the sources into shape'
	@echo 'make install    install to PREFIX, now $(PREFIX)'
	@echo 'make uninstall  take away what the last make install put there'
	@echo 'make amalgamation  the library as one source and one header: build/amalgamation'
	@echo 'make reference  the public headers as HTML: build/reference'
	@echo 'make deb        Debian packages: build/deb'
	@echo 'make package-check  makes them and looks at what is in them: a minute'
	@echo 'make clean      remove build/'

build-%:
	@command -v cmake >/dev/null || { echo 'CMake is missing: run scripts/setup' >&2; exit 1; }
	cmake --preset $* $(CMAKE_ARGS)
	cmake --build --preset $*

dev: build-dev

asan tsan: %: build-%
	ctest --preset $* -j$(CMAKE_BUILD_PARALLEL_LEVEL)

# The tests of what the library does; those with many threads or programs of their own are not for qemu.
arm64:
	scripts/setup arm64
	$(MAKE) build-arm64
	ctest --preset arm64 -L '^(unit|api|model|oom|examples|cxx)$$' -j$(CMAKE_BUILD_PARALLEL_LEVEL)

run:
	scripts/setup run
	$(MAKE) build-release
	scripts/run-demo

bench:
	scripts/setup bench
	cmake --preset release -DPOOLKIT_BENCH=ON
	cmake --build --preset release --target poolkit_malloc bench_malloc
	@mkdir -p build/bench
	python3 bench/malloc/run.py $(BENCH_ARGS) --json build/bench/malloc.json --svg build/bench/malloc.svg

bench-record:
	scripts/setup bench
	$(MAKE) build-release
	python3 bench/record/run.py build $(BENCH_ARGS)

bench-sharing:
	scripts/setup bench
	cmake --preset release -DPOOLKIT_BENCH=ON
	cmake --build --preset release --target poolkit_malloc bench_sharing
	python3 bench/sharing/run.py $(BENCH_ARGS)

bench-pools:
	scripts/setup bench
	cmake --preset release -DPOOLKIT_BENCH=ON
	cmake --build --preset release --target bench_pools
	/usr/bin/python3 bench/pools/run.py build/bench/pools bench/results

# One ctest run over all builds, so that one summary tells the whole result.
test:
	scripts/setup test
	$(MAKE) $(TEST_BUILDS:%=build-%)
	@mkdir -p build/all
	@printf 'subdirs(%s)\n' $(patsubst %,$(CURDIR)/build/%,$(TEST_BUILDS:release=.)) > build/all/CTestTestfile.cmake
	ctest --test-dir build/all --output-on-failure --no-label-summary -j$(CMAKE_BUILD_PARALLEL_LEVEL)

fuzz:
	scripts/setup test
	tests/fuzz/run.sh build

soak:
	scripts/setup test
	$(MAKE) build-release
	tests/soak/run.sh build

coverage:
	scripts/setup test
	$(MAKE) build-coverage
	scripts/coverage build/coverage

# What .ci/run runs, the quick rules first; it ends with the summary of all tests.
check:
	scripts/setup test
	$(MAKE) rules
	$(MAKE) test

rules:
	scripts/check-layers
	scripts/check-invariants
	scripts/format --check

fmt:
	scripts/format

amalgamation:
	scripts/amalgamate build/amalgamation

reference:
	scripts/setup reference
	@mkdir -p build
	POOLKIT_VERSION=$$(cat VERSION) doxygen docs/reference/Doxyfile

deb:
	scripts/setup deb
	scripts/make-deb

package-check:
	scripts/setup deb
	POOLKIT_SRC=$(CURDIR) tests/install/slow_deb.sh

install: build-release
	cmake --install build --prefix $(PREFIX)

uninstall:
	cmake --build build --target uninstall

clean:
	rm -rf build

.PHONY: all help dev asan tsan arm64 run test bench bench-record bench-sharing bench-pools fuzz soak coverage check rules fmt amalgamation reference deb package-check install uninstall clean
