# The libraries we link, and the two flavours of our own.
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(SECP256K1 REQUIRED IMPORTED_TARGET libsecp256k1)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

# Sources of all rooms, listed by src/*/CMakeLists.txt with subx_room_sources(FILE...).
function(subx_room_sources)
    foreach(source IN LISTS ARGN)
        set_property(GLOBAL APPEND PROPERTY SUBX_SOURCES "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
    endforeach()
endfunction()

# subx_add_library(NAME KIND [CHECKED]): the whole library; CHECKED aborts on broken invariants.
function(subx_add_library name kind)
    get_property(sources GLOBAL PROPERTY SUBX_SOURCES)
    add_library(${name} ${kind} ${sources})
    if("CHECKED" IN_LIST ARGN)
        target_compile_definitions(${name} PUBLIC SUBX_CHECKED)
    endif()
    target_compile_definitions(${name} PRIVATE SUBX_VERSION="${PROJECT_VERSION}")
    target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}/include")
    target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(${name} PRIVATE subx_options subexec_rust
        PkgConfig::ZSTD PkgConfig::JANSSON PkgConfig::SODIUM PkgConfig::XXHASH PkgConfig::SECP256K1
        PkgConfig::LMDB)
endfunction()
