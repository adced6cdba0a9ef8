# The page of `poolkit report`: bundled by npm's esbuild and compiled into the command.
#
#   poolkit_npm_packages(source build what ready)   fetches what package-lock.json in `source` names
#   poolkit_embed_page(target)   compiles the page into `target`, and zlib to pack the data with
#
# POOLKIT_PAGE=OFF leaves it out; ON ends the configuration where it cannot be had. A source package that
# must build without a network has the bundle as tools/report/shell.c, which is then taken as it is.
# Otherwise npm fetches its packages while CMake configures, once per build folder: what is built later needs
# no network. Where npm or the network is missing the command is built without the page and says so
# when it is asked for one.
set(page_source ${PROJECT_SOURCE_DIR}/tools/report)
set(page_build ${PROJECT_BINARY_DIR}/report-page)

# Sets `ready` when the packages stand in `build`/node_modules; else `what` is said to be left out.
function(poolkit_npm_packages source build what ready)
    find_program(POOLKIT_NODE NAMES node nodejs)
    find_program(POOLKIT_NPM npm)
    mark_as_advanced(POOLKIT_NODE POOLKIT_NPM)
    set(${ready} FALSE PARENT_SCOPE)
    if(NOT POOLKIT_NODE OR NOT POOLKIT_NPM)
        message(STATUS "${what} left out: npm is missing (Debian: nodejs npm)")
        return()
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source}/package-lock.json)
    file(MD5 ${source}/package-lock.json wanted)
    set(stamp ${build}/node_modules/.${wanted})
    if(NOT EXISTS ${stamp})
        file(COPY ${source}/package.json ${source}/package-lock.json DESTINATION ${build})
        message(STATUS "Fetching with npm into ${build}")
        # What another build folder has fetched comes from npm's cache; without a network it ends soon.
        execute_process(COMMAND ${POOLKIT_NPM} ci --ignore-scripts --no-audit --no-fund --silent
                                --prefer-offline --fetch-retries=1 --fetch-retry-maxtimeout=5000
                                --fetch-timeout=30000
                        WORKING_DIRECTORY ${build} TIMEOUT 120
                        RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
        if(failed)
            message(STATUS "${what} left out: npm ci failed; is there a network? "
                           "Configure again to retry")
            return()
        endif()
        file(TOUCH ${stamp})
    endif()
    set(${ready} TRUE PARENT_SCOPE)
endfunction()

# Bundles the page into ${page_build}/shell.c, once for all targets that hold it.
function(poolkit_bundle_page)
    if(EXISTS ${page_source}/shell.c)
        add_library(poolkit_page STATIC ${page_source}/shell.c)
        set_target_properties(poolkit_page PROPERTIES ARCHIVE_OUTPUT_DIRECTORY ${page_build})
        return()
    endif()
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${page_source}/src/*)
    set(recipe ${page_source}/build.mjs ${page_source}/tsconfig.json)
    add_custom_command(OUTPUT ${page_build}/shell.c
        COMMAND ${CMAKE_COMMAND} -E rm -rf src
        COMMAND ${CMAKE_COMMAND} -E copy_directory ${page_source}/src src
        COMMAND ${CMAKE_COMMAND} -E copy ${recipe} .
        COMMAND ${POOLKIT_NODE} build.mjs shell.c
        WORKING_DIRECTORY ${page_build}
        DEPENDS ${sources} ${recipe} ${page_source}/package-lock.json
        COMMENT "Bundling the HTML report" VERBATIM)
    add_library(poolkit_page STATIC ${page_build}/shell.c)
    set_target_properties(poolkit_page PROPERTIES ARCHIVE_OUTPUT_DIRECTORY ${page_build})
endfunction()

# Sets `ready` when the page can be compiled in.
function(poolkit_find_page ready)
    if(NOT POOLKIT_PAGE)
        set(found FALSE)
        message(STATUS "The HTML report is left out: POOLKIT_PAGE=OFF")
    elseif(EXISTS ${page_source}/shell.c)
        set(found TRUE)
    else()
        poolkit_npm_packages(${page_source} ${page_build} "The HTML report is" found)
    endif()
    if(NOT found AND POOLKIT_PAGE AND NOT POOLKIT_PAGE STREQUAL "AUTO")
        message(FATAL_ERROR "POOLKIT_PAGE=ON needs npm and its packages, or tools/report/shell.c")
    endif()
    set(${ready} ${found} PARENT_SCOPE)
endfunction()

function(poolkit_embed_page target)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(zlib QUIET IMPORTED_TARGET zlib)
    endif()
    if(zlib_FOUND)
        target_link_libraries(${target} PUBLIC PkgConfig::zlib)
        target_compile_definitions(${target} PRIVATE PKI_ZLIB)
    endif()
    if(NOT DEFINED page_ready)
        poolkit_find_page(page_ready)
        set(page_ready ${page_ready} PARENT_SCOPE)
    endif()
    if(page_ready)
        if(NOT TARGET poolkit_page)
            poolkit_bundle_page()
        endif()
        target_link_libraries(${target} PUBLIC poolkit_page)
        target_compile_definitions(${target} PRIVATE PKI_REPORT_PAGE)
    endif()
endfunction()
