# How poolkit's sources are compiled and linked.
#
#   poolkit_compile(target)             anything of ours: language level, warnings, sanitizers
#   poolkit_compile_library(target)     code that goes into a library: also position independent
#   poolkit_link_library(target map)    a shared library that exports only what `map` lists
include(CheckCCompilerFlag)

set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# Checks that stand in assert() cost time and are for the dev and sanitizer builds (type Debug).
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")

set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wcast-qual -Wwrite-strings
             -Wvla -Wformat=2 $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes>)

# The compiler must not turn our calloc's malloc + memset into a call of calloc, nor drop a pair of
# malloc and free that a test makes on purpose, nor (clang) take them for functions that leave errno
# alone.
set(no_builtin_malloc -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc
                      -fno-builtin-free -fno-builtin-aligned_alloc -fno-builtin-memalign
                      -fno-builtin-valloc -fno-builtin-pvalloc -fno-builtin-posix_memalign
                      -fno-builtin-reallocarray)

set(library_flags -fvisibility=hidden -ftls-model=initial-exec)
foreach(flag -fno-semantic-interposition -fno-plt)
    string(MAKE_C_IDENTIFIER "POOLKIT_HAS${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
        list(APPEND library_flags ${flag})
    endif()
endforeach()

if(POOLKIT_SANITIZE)
    add_compile_options(-fsanitize=${POOLKIT_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${POOLKIT_SANITIZE})
endif()

function(poolkit_compile target)
    target_compile_options(${target} PRIVATE ${warnings})
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
endfunction()

function(poolkit_compile_library target)
    poolkit_compile(${target})
    target_compile_options(${target} PRIVATE ${library_flags})
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

# nodelete: threads that outlive a dlclose still run our thread-exit code.
function(poolkit_link_library target map)
    set(map ${PROJECT_SOURCE_DIR}/${map})
    target_link_options(${target} PRIVATE
        -Wl,--version-script=${map},-z,nodelete,-z,now,-z,relro)
    if(NOT POOLKIT_SANITIZE) # a sanitizer's own functions come with the program
        target_link_options(${target} PRIVATE -Wl,-z,defs)
    endif()
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${map})
endfunction()
