# What `cmake --install` puts where, and how other builds find it: find_package(poolkit) with the
# targets poolkit::poolkit, poolkit::static, poolkit::malloc and poolkit::malloc_static, or pkg-config
# poolkit and poolkit-malloc. The target `uninstall` takes the last installation away.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/poolkit)
set(private_dir ${CMAKE_INSTALL_LIBDIR}/poolkit)

# One file of targets for each library, so that a system that has only some of them, as packages may
# be split, can be used as it is: poolkit-config.cmake reads those that are there.
foreach(library shared static malloc malloc_static)
    if(TARGET poolkit_${library})
        install(TARGETS poolkit_${library} EXPORT poolkit_${library})
        install(EXPORT poolkit_${library} NAMESPACE poolkit:: DESTINATION ${package_dir}
                FILE poolkit-${library}-targets.cmake)
    endif()
endforeach()
install(DIRECTORY include/poolkit DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

if(TARGET poolkit_tool)
    install(TARGETS poolkit_tool)
    install(FILES docs/man/poolkit.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(FILES share/completions/poolkit.bash RENAME poolkit
            DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES share/completions/_poolkit DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES share/completions/poolkit.fish
            DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()

# The manual of the functions, made of the headers' comments.
find_program(POOLKIT_PYTHON python3)
mark_as_advanced(POOLKIT_PYTHON)
if(POOLKIT_PYTHON)
    file(GLOB described CONFIGURE_DEPENDS include/poolkit/*.h)
    set(pages_script ${PROJECT_SOURCE_DIR}/docs/man/pages.py)
    add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/man/man3/poolkit.3
        COMMAND ${POOLKIT_PYTHON} ${pages_script} ${PROJECT_BINARY_DIR}/man/man3
        DEPENDS ${described} ${pages_script} ${PROJECT_SOURCE_DIR}/docs/man/poolkit.1
                ${PROJECT_SOURCE_DIR}/VERSION
        COMMENT "Making manual pages of the headers" VERBATIM)
    add_custom_target(poolkit_manual ALL DEPENDS ${PROJECT_BINARY_DIR}/man/man3/poolkit.3)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/man/man3 DESTINATION ${CMAKE_INSTALL_MANDIR})
else()
    message(STATUS "Manual pages of the functions are left out: python3 is missing (Debian: python3)")
endif()

# What the command loads and starts; nobody else calls it by name.
foreach(part poolkit_count poolkit_record poolkit_replay_player)
    if(TARGET ${part})
        install(TARGETS ${part} LIBRARY DESTINATION ${private_dir} RUNTIME DESTINATION ${private_dir})
    endif()
endforeach()

# gdb reads the script of a library from below its auto-load folder, by the library's full path. That path
# is known when it is installed; programs with libpoolkit.a in them source the first one.
install(FILES share/gdb/poolkit-gdb.py DESTINATION ${CMAKE_INSTALL_DATADIR}/poolkit)
set(gdb_dir ${CMAKE_INSTALL_DATADIR}/gdb/auto-load\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR})
foreach(library libpoolkit.so libpoolkit-malloc.so)
    install(FILES share/gdb/poolkit-gdb.py DESTINATION ${gdb_dir}
            RENAME ${library}.${PROJECT_VERSION}-gdb.py)
endforeach()

configure_package_config_file(cmake/poolkit-config.cmake.in poolkit-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(poolkit-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/poolkit-config.cmake
              ${PROJECT_BINARY_DIR}/poolkit-config-version.cmake DESTINATION ${package_dir})

# The paths in the .pc files are relative to the file, so that the installed tree can be moved.
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
set(packages poolkit)
if(TARGET poolkit_malloc)
    list(APPEND packages poolkit-malloc)
endif()
foreach(package ${packages})
    configure_file(cmake/${package}.pc.in ${package}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

if(PROJECT_IS_TOP_LEVEL)
    add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR}
                                        -P ${PROJECT_SOURCE_DIR}/cmake/uninstall.cmake)
endif()
