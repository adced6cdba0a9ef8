# SPDX-License-Identifier: MIT
"""Conan 2 recipe: conan create packaging/conan. It packs the libraries of the tree that it lies in."""
import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rm, rmdir

required_conan_version = ">=2.0"


class PoolkitConan(ConanFile):
    name = "poolkit"
    description = "Memory pools for C, and a malloc built on them for unmodified programs"
    license = "MIT"
    topics = ("memory", "allocator", "malloc", "arena", "pool")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": False}
    # What the libraries and their installation are made of.
    sources = ("CMakeLists.txt", "VERSION", "LICENSE", "cmake/*", "include/*", "src/*", "share/*",
               "tools/*", "docs/man/*")

    @property
    def _root(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        self.version = load(self, os.path.join(self._root, "VERSION")).strip()

    def export_sources(self):
        for pattern in self.sources:
            copy(self, pattern, self._root, self.export_sources_folder)

    def validate(self):
        if self.settings.os != "Linux" or self.settings.arch not in ("x86_64", "armv8"):
            raise ConanInvalidConfiguration("poolkit is for Linux on x86-64 and arm64")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for variable in ("POOLKIT_TESTS", "POOLKIT_TOOLS", "POOLKIT_PROBES", "POOLKIT_PAGE"):
            toolchain.cache_variables[variable] = "OFF"
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        libraries = os.path.join(self.package_folder, "lib")
        rm(self, "*.a" if self.options.shared else "*.so*", libraries)
        for folder in ("cmake", "pkgconfig", "poolkit"):
            rmdir(self, os.path.join(libraries, folder))
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        """Two components, of which a consumer links one: the pools, or the malloc with them in it."""
        self.cpp_info.set_property("cmake_file_name", "poolkit")
        pools = self.cpp_info.components["pools"]
        pools.set_property("cmake_target_name", "poolkit::poolkit")
        pools.set_property("pkg_config_name", "poolkit")
        pools.libs = ["poolkit"]
        pools.system_libs = ["pthread"]
        malloc = self.cpp_info.components["malloc"]
        malloc.set_property("cmake_target_name", "poolkit::malloc")
        malloc.set_property("pkg_config_name", "poolkit-malloc")
        malloc.libs = ["poolkit-malloc"]
        malloc.system_libs = ["pthread", "dl"]
        if not self.options.shared:
            malloc.exelinkflags = ["-Wl,--undefined=malloc"]
