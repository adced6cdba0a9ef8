# An overlay port: it builds the tree that it lies in. In a registry the sources come by
# vcpkg_from_github instead, with the hash of the release's archive.
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../../.." ABSOLUTE)

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DPOOLKIT_TESTS=OFF
        -DPOOLKIT_TOOLS=OFF
        -DPOOLKIT_PROBES=OFF
        -DPOOLKIT_PAGE=OFF
)
vcpkg_cmake_install()

# poolkit builds both kinds of library; a triplet has one. The configuration for CMake reads the
# files of targets that are left.
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
    set(other_files "lib/libpoolkit*.so*")
    set(other_targets poolkit-shared-targets* poolkit-malloc-targets*)
else()
    set(other_files "lib/libpoolkit*.a")
    set(other_targets poolkit-static-targets* poolkit-malloc_static-targets*)
endif()
foreach(root IN ITEMS "${CURRENT_PACKAGES_DIR}" "${CURRENT_PACKAGES_DIR}/debug")
    set(patterns "${root}/${other_files}")
    foreach(targets IN LISTS other_targets)
        list(APPEND patterns "${root}/lib/cmake/poolkit/${targets}")
    endforeach()
    file(GLOB others ${patterns})
    if(others)
        file(REMOVE ${others})
    endif()
    # What only poolkit's command, which is not in the port, and gdb's search by full paths use.
    file(REMOVE_RECURSE "${root}/lib/poolkit" "${root}/share/gdb")
endforeach()

vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/poolkit)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
