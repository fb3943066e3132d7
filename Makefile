# A thin wrapper: the build is CMake's (CMakePresets.json), the checks are programs in tools/.
.PHONY: help demo build test check format asan tsan setup data install deb clean
.DEFAULT_GOAL := help
# CMake and CTest use all cores by themselves.
.NOTPARALLEL:

jobs := $(shell nproc)
PREFIX ?= /usr/local
ctest := ctest --no-tests=error --parallel $(jobs) --preset

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r target text; do \
		printf '  %-12s %s\n' "$$target" "$$text"; done

demo: data build ## build, fetch real chain data, run real runtimes, author blocks and replay them
	@tools/demo

build: setup ## the library and the program, in build/release
	@$(call build_preset,release)

test: data build ## build and run every test
	@$(ctest) release

asan: setup data ## the same under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(call build_preset,asan)
	@$(ctest) asan

# The Rust library is not instrumented: it is a shared object here, and this leaves its accesses out.
tsan: export TSAN_OPTIONS = ignore_noninstrumented_modules=1
tsan: setup data ## the same under ThreadSanitizer
	@$(call build_preset,tsan)
	@$(ctest) tsan

check: ## layers, symbols, documents, headers, formatting, a second compiler
	@tools/setup --ci
	@$(call build_preset,release)
	@tools/check-layers
	@tools/check-symbols
	@tools/check-docs
	@tools/check-headers cc clang-14
	@tools/check-format
	@tools/check-clang

install: build ## program, libraries, headers, manual into PREFIX (/usr/local), below DESTDIR
	@cmake --build --preset release --target subexec_install_files
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

deb: build ## the same as a Debian package, in build/release
	@cmake --build --preset release --target subexec_install_files
	@cd build/release && cpack

format: ## format all C files in place
	@tools/setup --ci
	@tools/check-format --fix

setup: ## install what is missing on this machine
	@tools/setup

data: setup ## fetch real chain data into build/data
	@tools/fetch-data

clean: ## remove what was built; the Rust library and the fetched data stay
	@rm -rf build/release build/dev build/asan build/tsan build/coverage build/fuzz

# $(call build_preset,NAME): configuring every time takes a moment, and notices data that came since.
define build_preset
cmake --preset $(1) --log-level=NOTICE && cmake --build --preset $(1)
endef
