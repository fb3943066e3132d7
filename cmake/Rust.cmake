# The one Rust static library. All presets share one Cargo target directory; Cargo decides what is out of date.
set(SUBX_CARGO_DIR "${CMAKE_SOURCE_DIR}/build/cargo")
set(SUBX_RUST_ARCHIVE "${SUBX_CARGO_DIR}/release/libsubexec_rust.a")
set(SUBX_RUST_INCLUDE "${SUBX_CARGO_DIR}/include")
file(MAKE_DIRECTORY "${SUBX_RUST_INCLUDE}")

add_custom_target(subexec_rust_build
    COMMAND "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${SUBX_CARGO_DIR}" "SUBX_RUST_INCLUDE=${SUBX_RUST_INCLUDE}"
        cargo build --release --locked
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/deps/rust"
    BYPRODUCTS "${SUBX_RUST_ARCHIVE}"
    COMMENT "Building the Rust library (Wasmtime, primitives); a few minutes the first time"
    USES_TERMINAL VERBATIM)

add_library(subexec_rust INTERFACE)
add_dependencies(subexec_rust subexec_rust_build)
target_include_directories(subexec_rust INTERFACE "${CMAKE_SOURCE_DIR}/deps/rust/include")
# Wasmtime's own headers, of this very build; only src/exec may include them.
target_include_directories(subexec_rust SYSTEM INTERFACE "${SUBX_RUST_INCLUDE}")

if(SUBX_RUST_SHARED)
    set(SUBX_RUST_OBJECT "${CMAKE_BINARY_DIR}/libsubexec_rust.so")
    add_custom_command(OUTPUT "${SUBX_RUST_OBJECT}"
        COMMAND "${CMAKE_C_COMPILER}" -shared -o "${SUBX_RUST_OBJECT}"
            -Wl,--whole-archive "${SUBX_RUST_ARCHIVE}" -Wl,--no-whole-archive -lgcc_s -lm -lpthread -ldl
        DEPENDS subexec_rust_build "${SUBX_RUST_ARCHIVE}" VERBATIM)
    add_custom_target(subexec_rust_object DEPENDS "${SUBX_RUST_OBJECT}")
    add_dependencies(subexec_rust subexec_rust_object)
    target_link_libraries(subexec_rust INTERFACE "${SUBX_RUST_OBJECT}")
else()
    target_link_libraries(subexec_rust INTERFACE "${SUBX_RUST_ARCHIVE}")
endif()
target_link_libraries(subexec_rust INTERFACE gcc_s m pthread dl)
