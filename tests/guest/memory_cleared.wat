;; A counter that no data segment and no bss covers: each call must find it 0. What the reference calls
;; memory_is_cleared_between_invocations.
(module
  (memory (export "memory") 17)
  (global (export "__heap_base") i32 (i32.const 1048584))
  (func $returns_no_bss_mutable_static (export "returns_no_bss_mutable_static") (param i32 i32) (result i64)
    (i64.store (i32.const 1048576) (i64.add (i64.load (i32.const 1048576)) (i64.const 1)))
    (i64.or (i64.const 1048576) (i64.shl (i64.const 8) (i64.const 32)))))
