;; Instructions of Wasm extensions, which the reference's parser refuses.
(module
  (memory (export "memory") 1)
  (global (export "__heap_base") i32 (i32.const 1024))
  (func (export "extend") (param i32 i32) (result i64)
    (i64.extend8_s (i64.extend_i32_u (local.get 1))))
  (func (export "saturate") (param f32) (result i32)
    (i32.trunc_sat_f32_s (local.get 0)))
  (func (export "fill") (param i32 i32) (result i64)
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
    (i64.const 0)))
