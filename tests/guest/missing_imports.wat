;; Imports functions that no host has; `safe` calls none of them.
(module
  (import "env" "ext_unknown_first_version_1" (func $first (param i32 i64) (result i64)))
  (import "env" "ext_unknown_second_version_1" (func))
  (import "env" "ext_allocator_free_version_1" (func (param i32)))
  (import "env" "memory" (memory 2))
  (global (export "__heap_base") i32 (i32.const 1024))
  (func (export "safe") (param i32 i32) (result i64)
    (i64.const 0))
  (func (export "unsafe") (param i32 i32) (result i64)
    (call $first (i32.const 1) (i64.const 2))))
