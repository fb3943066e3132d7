;; A start function that leaves traces in memory, a global and nothing else: every call sees them once.
(module
  (memory (export "memory") 1)
  (global (export "__heap_base") i32 (i32.const 1024))
  (global $started (export "started") (mut i32) (i32.const 0))
  (func $start
    (global.set $started (i32.add (global.get $started) (i32.const 1)))
    (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 41))))
  (start $start)
  (func $run (export "run") (param i32 i32) (result i64)
    (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (global.get $started)))
    (global.set $started (i32.const 100))
    (i64.or (i64.const 16) (i64.shl (i64.const 4) (i64.const 32)))))
