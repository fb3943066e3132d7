# Flags that hold for every target of ours: warnings are errors, sanitizers by preset.
add_library(subx_options INTERFACE)
target_compile_definitions(subx_options INTERFACE _GNU_SOURCE)
target_compile_options(subx_options INTERFACE
    -Wall -Wextra -Wpedantic -Werror -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings -Wvla -Wundef -Wformat=2
    -Wswitch-enum -Wnull-dereference -fno-common -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
    target_compile_options(subx_options INTERFACE -Wdocumentation)
endif()

if(SUBX_SANITIZE_ADDRESS)
    target_compile_options(subx_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
        -fno-omit-frame-pointer -O1)
    target_link_options(subx_options INTERFACE -fsanitize=address,undefined)
endif()
if(SUBX_SANITIZE_THREAD)
    target_compile_options(subx_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer -O1)
    target_link_options(subx_options INTERFACE -fsanitize=thread)
endif()
if(SUBX_COVERAGE)
    target_compile_options(subx_options INTERFACE --coverage)
    target_link_options(subx_options INTERFACE --coverage)
endif()
if(SUBX_FUZZ)
    target_compile_options(subx_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
    target_link_options(subx_options INTERFACE -fsanitize=address,undefined)
endif()
