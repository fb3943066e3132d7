;; Functions behind the table `__indirect_function_table`: entries, a dispatcher, wrong types, holes.
(module
  (type $entry (func (param i32 i32) (result i64)))
  (type $dispatcher (func (param i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (global (export "__heap_base") i32 (i32.const 65536))
  (table (export "__indirect_function_table") 10 funcref)
  (elem (i32.const 1) $echo $length $dispatch $one_param $trap)  ;; 0 and 6 to 9 are null
  (global $calls (mut i32) (i32.const 0))

  (func $echo (type $entry)
    (i64.or (i64.extend_i32_u (local.get 0)) (i64.shl (i64.extend_i32_u (local.get 1)) (i64.const 32))))

  ;; The length of the input and how often this was called.
  (func $length (type $entry)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.store (i32.const 16) (local.get 1))
    (i32.store (i32.const 20) (global.get $calls))
    (i64.or (i64.const 16) (i64.shl (i64.const 8) (i64.const 32))))

  (func $dispatch (type $dispatcher)
    (call_indirect (type $entry) (local.get 1) (local.get 2) (local.get 0)))

  (func $one_param (param i32) (result i64)
    (i64.const 0))

  (func $trap (type $entry)
    (unreachable))

  (func $run (export "run") (type $entry)
    (call $length (local.get 0) (local.get 1))))
