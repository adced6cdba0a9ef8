# SPDX-License-Identifier: MIT
# Homebrew on Linux. It builds the clone that it lies in (brew install --HEAD); a release adds the url
# and the sha256 of its archive.
class Poolkit < Formula
  desc "Memory pools for C, and a malloc built on them for unmodified programs"
  license "MIT"
  head "file://#{File.expand_path("../..", __dir__)}", using: :git

  depends_on "cmake" => :build
  depends_on "pkgconf" => :build
  depends_on "python@3.13" => :build
  depends_on "cjson"
  depends_on "elfutils"
  depends_on :linux
  depends_on "zlib"
  depends_on "zstd"

  def install
    system "cmake", "-S", ".", "-B", "build", "-DPOOLKIT_TESTS=OFF", "-DPOOLKIT_TOOLS=ON",
                    "-DPOOLKIT_PAGE=OFF", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                    *std_cmake_args.reject { |argument| argument.start_with?("-DCMAKE_BUILD_TYPE") }
    system "cmake", "--build", "build"
    system "cmake", "--install", "build"
  end

  test do
    (testpath/"program.c").write <<~C
      #include <poolkit/poolkit.h>
      int main(void)
      {
          pk_arena arena = {0};
          int failed = pk_arena_alloc(&arena, 100) == 0;
          pk_arena_fini(&arena);
          return failed;
      }
    C
    system ENV.cc, "program.c", "-I#{include}", "-L#{lib}", "-lpoolkit", "-o", "program"
    system "./program"
    system bin/"poolkit", "run", "--", "true"
  end
end
