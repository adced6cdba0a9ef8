# The page of `poolkit report`: bundled by npm's esbuild and compiled into the command.
#
#   poolkit_embed_page(target)   compiles the page into `target`, and zlib to pack the data with
#
# npm fetches its packages while CMake configures, once per build folder: what is built later needs
# no network. Where npm or the network is missing the command is built without the page and says so
# when it is asked for one.
set(page_source ${PROJECT_SOURCE_DIR}/tools/report)
set(page_build ${PROJECT_BINARY_DIR}/report-page)

# Sets `ready` when the packages of package-lock.json stand in the build folder.
function(poolkit_page_packages ready)
    find_program(POOLKIT_NODE NAMES node nodejs)
    find_program(POOLKIT_NPM npm)
    mark_as_advanced(POOLKIT_NODE POOLKIT_NPM)
    set(${ready} FALSE PARENT_SCOPE)
    if(NOT POOLKIT_NODE OR NOT POOLKIT_NPM)
        message(STATUS "The HTML report is left out: npm is missing (Debian: nodejs npm)")
        return()
    endif()
    set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
                 ${page_source}/package.json ${page_source}/package-lock.json)
    file(MD5 ${page_source}/package-lock.json wanted)
    set(stamp ${page_build}/node_modules/.${wanted})
    if(NOT EXISTS ${stamp})
        file(COPY ${page_source}/package.json ${page_source}/package-lock.json
             DESTINATION ${page_build})
        message(STATUS "Fetching the packages of the HTML report (npm ci)")
        execute_process(COMMAND ${POOLKIT_NPM} ci --ignore-scripts --no-audit --no-fund --silent
                        WORKING_DIRECTORY ${page_build} TIMEOUT 300
                        RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
        if(failed)
            message(STATUS "The HTML report is left out: npm ci failed; is there a network? "
                           "Configure again to retry")
            return()
        endif()
        file(TOUCH ${stamp})
    endif()
    set(${ready} TRUE PARENT_SCOPE)
endfunction()

function(poolkit_embed_page target)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(zlib IMPORTED_TARGET zlib)
    endif()
    if(zlib_FOUND)
        target_link_libraries(${target} PRIVATE PkgConfig::zlib)
        target_compile_definitions(${target} PRIVATE PKI_ZLIB)
    endif()
    if(NOT DEFINED page_ready)
        poolkit_page_packages(page_ready)
        set(page_ready ${page_ready} PARENT_SCOPE)
    endif()
    if(NOT page_ready)
        return()
    endif()
    if(NOT TARGET poolkit_page)
        file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${page_source}/src/*)
        add_custom_command(OUTPUT ${page_build}/shell.c
            COMMAND ${CMAKE_COMMAND} -E copy_directory ${page_source}/src ${page_build}/src
            COMMAND ${CMAKE_COMMAND} -E copy ${page_source}/build.mjs ${page_source}/tsconfig.json
                    ${page_build}
            COMMAND ${POOLKIT_NODE} build.mjs shell.c
            WORKING_DIRECTORY ${page_build}
            DEPENDS ${sources} ${page_source}/build.mjs ${page_source}/tsconfig.json
                    ${page_source}/package-lock.json
            COMMENT "Bundling the HTML report" VERBATIM)
        add_library(poolkit_page OBJECT ${page_build}/shell.c)
    endif()
    target_link_libraries(${target} PRIVATE poolkit_page)
    target_compile_definitions(${target} PRIVATE PKI_REPORT_PAGE)
endfunction()
