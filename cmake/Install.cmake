# What `make install` puts where. The program and both libraries, headers, a pkg-config file, a CMake package, the manual
# and shell completion. The static library is one object with public symbols only: what is inside of it, the Rust
# library too, cannot meet what else a program links.
include(GNUInstallDirs)

set(SUBX_PUBLIC_SYMBOLS "${CMAKE_BINARY_DIR}/public-symbols")
file(GLOB_RECURSE SUBX_PUBLIC_HEADERS CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/include/*.h")
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# Names of the public functions, one a line, and the version script of the shared library.
add_custom_command(OUTPUT "${SUBX_PUBLIC_SYMBOLS}.txt" "${SUBX_PUBLIC_SYMBOLS}.map"
    COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/public-symbols" "${SUBX_PUBLIC_SYMBOLS}"
    DEPENDS "${CMAKE_SOURCE_DIR}/tools/public-symbols" "${CMAKE_SOURCE_DIR}/tools/headers.py" ${SUBX_PUBLIC_HEADERS} VERBATIM)
add_custom_target(subexec_public_symbols DEPENDS "${SUBX_PUBLIC_SYMBOLS}.txt")
add_dependencies(subexec_shared subexec_public_symbols)
set_target_properties(subexec_shared PROPERTIES LINK_DEPENDS "${SUBX_PUBLIC_SYMBOLS}.map")
target_link_options(subexec_shared PRIVATE "-Wl,--version-script,${SUBX_PUBLIC_SYMBOLS}.map")

if(SUBX_SANITIZE_ADDRESS OR SUBX_SANITIZE_THREAD OR SUBX_COVERAGE OR SUBX_FUZZ)
    return() # these are not for installing
endif()

set(merged "${CMAKE_BINARY_DIR}/install/libsubexec.a")
add_custom_command(OUTPUT "${merged}"
    COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/merge-archives" --ld "${CMAKE_LINKER}"
        --objcopy "${CMAKE_OBJCOPY}" --ar "${CMAKE_AR}" --symbols "${SUBX_PUBLIC_SYMBOLS}.txt" -o "${merged}"
        "$<TARGET_FILE:subexec>" "${SUBX_RUST_ARCHIVE}"
    DEPENDS subexec subexec_public_symbols "${SUBX_RUST_ARCHIVE}" "${CMAKE_SOURCE_DIR}/tools/merge-archives" VERBATIM)
set(manual "${CMAKE_BINARY_DIR}/install/subexec.1")
set(completion "${CMAKE_BINARY_DIR}/install/subexec.bash")
add_custom_command(OUTPUT "${manual}" "${completion}"
    COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/manual" "$<TARGET_FILE:subexec_cli>" "${manual}" "${completion}"
    DEPENDS subexec_cli "${CMAKE_SOURCE_DIR}/tools/manual" VERBATIM)
# Made by `make install` and its test only: merging takes a while.
add_custom_target(subexec_install_files DEPENDS "${merged}" "${manual}" "${completion}")

# Both packages find the rest from where they are, so that the whole may be moved.
file(RELATIVE_PATH SUBX_PKGCONFIG_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
file(RELATIVE_PATH SUBX_PACKAGE_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/cmake/subexec" "/")
set(SUBX_REQUIRES_PRIVATE "libzstd jansson libsodium libxxhash libsecp256k1 lmdb")
configure_file("${CMAKE_SOURCE_DIR}/cmake/subexec.pc.in" "${CMAKE_BINARY_DIR}/install/subexec.pc" @ONLY)
configure_file("${CMAKE_SOURCE_DIR}/cmake/subexec-config.cmake.in" "${CMAKE_BINARY_DIR}/install/subexec-config.cmake" @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/install/subexec-config-version.cmake" COMPATIBILITY SameMinorVersion)

install(TARGETS subexec_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS subexec_shared LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${CMAKE_SOURCE_DIR}/include/subexec" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(FILES "${merged}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${CMAKE_BINARY_DIR}/install/subexec.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES "${CMAKE_BINARY_DIR}/install/subexec-config.cmake" "${CMAKE_BINARY_DIR}/install/subexec-config-version.cmake"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/subexec")
install(FILES "${manual}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES "${completion}" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME subexec)
install(FILES "${CMAKE_SOURCE_DIR}/LICENSE" "${CMAKE_SOURCE_DIR}/README.md" "${CMAKE_SOURCE_DIR}/CHANGELOG.md"
    DESTINATION "${CMAKE_INSTALL_DOCDIR}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME subexec)
set(CPACK_PACKAGE_VENDOR "subexec")
set(CPACK_PACKAGE_CONTACT "subexec maintainers <maintainers@users.noreply.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Runs the runtimes of Polkadot-SDK chains: a C library and a program")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF) # the static library would lose its symbols
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libzstd-dev, libjansson-dev, libsodium-dev, libxxhash-dev, libsecp256k1-dev, liblmdb-dev")
include(CPack)
