;; Recursion without end, by functions whose frames differ in size: what a deterministic bound on the stack,
;; counted in values, must stop with `unreachable` before the native stack ends.
(module
  (type $entry (func (param i32 i32) (result i64)))
  (memory (export "memory") 2)
  (global (export "__heap_base") i32 (i32.const 65536))
  (global $depth (mut i32) (i32.const 0))

  (func $count
    (global.set $depth (i32.add (global.get $depth) (i32.const 1))))

  ;; The smallest frame there is: two values a call.
  (func $small
    (call $count)
    (call $small)
    (call $count))

  ;; The same with values that live across the call.
  (func $middle (param i64 i64 i64 i64) (result i64) (local i64 i64 i64 i64)
    (call $count)
    (local.set 4 (i64.mul (local.get 0) (i64.const 3)))
    (local.set 5 (i64.mul (local.get 1) (i64.const 5)))
    (local.set 6 (i64.mul (local.get 2) (i64.const 7)))
    (local.set 7 (i64.mul (local.get 3) (i64.const 11)))
    (i64.add
      (i64.add
        (call $middle (local.get 4) (local.get 5) (local.get 6) (local.get 7))
        (i64.add (i64.xor (local.get 0) (local.get 4)) (i64.xor (local.get 1) (local.get 5))))
      (i64.add (i64.xor (local.get 2) (local.get 6)) (i64.xor (local.get 3) (local.get 7)))))

  ;; Recurses as deep as the input says.
  (func $bounded (param $left i32)
    (if (local.get $left)
      (then (call $bounded (i32.sub (local.get $left) (i32.const 1))))))

  (func $enter_small (export "small") (type $entry)
    (call $small)
    (i64.const 0))
  (func $enter_middle (export "middle") (type $entry)
    (call $middle (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))
  (func $enter_bounded (export "bounded") (type $entry)
    (call $bounded (i32.load (local.get 0)))
    (i64.const 0)))
