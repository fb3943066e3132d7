;; A runtime for the tests of src/chain. Core_execute_block takes a block without digest, does what its extrinsics
;; say, and checks the state root as real runtimes do. An extrinsic is its compact length and:
;;
;;   0                 nothing
;;   1 len key value   sets a key
;;   2 key             clears a key
;;   3                 traps
;;   4 key             sets a key to the size of the memory, u32
;;   5                 the state root will not be checked, nor asked for
;;   6 message         panics with that message
;;
;; At the end it sets the key "ran" to its own mark, eight bytes that the tests change to have other code.
(module
  (type $entry (func (param i32 i32) (result i64)))

  (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
  (import "env" "ext_storage_clear_version_1" (func $clear (param i64)))
  (import "env" "ext_storage_root_version_2" (func $root (param i32) (result i64)))
  (import "env" "ext_panic_handler_abort_on_panic_version_1" (func $abort_on_panic (param i64)))

  (memory (export "memory") 2)
  (global (export "__heap_base") i32 (i32.const 4096))
  (global $at (mut i32) (i32.const 0))
  (global $unchecked (mut i32) (i32.const 0))

  (data (i32.const 1024) "ran")
  (data (i32.const 1032) "mark-one")
  (data (i32.const 1056) "the state root is another one")
  ;; RuntimeVersion: names "chain", authoring 1, spec 2, implementation 3, API Core 4, transactions 1, state 1
  (data (i32.const 1100)
    "\14chain\14chain\01\00\00\00\02\00\00\00\03\00\00\00\04\df\6a\cb\68\99\07\60\9b\04\00\00\00\01\00\00\00\01")

  (func $slice (param $pointer i32) (param $len i32) (result i64)
    (i64.or
      (i64.extend_i32_u (local.get $pointer))
      (i64.shl (i64.extend_i32_u (local.get $len)) (i64.const 32))))

  (func (export "Core_version") (type $entry)
    (call $slice (i32.const 1100) (i32.const 42)))

  ;; The compact integer at $at, of up to four bytes.
  (func $compact (result i32)
    (local $value i32)
    (local $mode i32)
    (local.set $mode (i32.and (i32.load8_u (global.get $at)) (i32.const 3)))
    (if (i32.eqz (local.get $mode))
      (then
        (local.set $value (i32.load8_u (global.get $at)))
        (global.set $at (i32.add (global.get $at) (i32.const 1))))
      (else
        (if (i32.eq (local.get $mode) (i32.const 1))
          (then
            (local.set $value (i32.load16_u (global.get $at)))
            (global.set $at (i32.add (global.get $at) (i32.const 2))))
          (else
            (local.set $value (i32.load (global.get $at)))
            (global.set $at (i32.add (global.get $at) (i32.const 4)))))))
    (i32.shr_u (local.get $value) (i32.const 2)))

  (func $apply (param $pointer i32) (param $len i32)
    (local $op i32)
    (local $first i32)
    (local.set $op (i32.load8_u (local.get $pointer)))
    (local.set $pointer (i32.add (local.get $pointer) (i32.const 1)))
    (local.set $len (i32.sub (local.get $len) (i32.const 1)))
    (if (i32.eq (local.get $op) (i32.const 1))
      (then
        (local.set $first (i32.load8_u (local.get $pointer)))
        (local.set $pointer (i32.add (local.get $pointer) (i32.const 1)))
        (call $set
          (call $slice (local.get $pointer) (local.get $first))
          (call $slice
            (i32.add (local.get $pointer) (local.get $first))
            (i32.sub (i32.sub (local.get $len) (i32.const 1)) (local.get $first))))))
    (if (i32.eq (local.get $op) (i32.const 2))
      (then (call $clear (call $slice (local.get $pointer) (local.get $len)))))
    (if (i32.eq (local.get $op) (i32.const 3))
      (then (unreachable)))
    (if (i32.eq (local.get $op) (i32.const 4))
      (then
        (i32.store (i32.const 2048) (memory.size))
        (call $set
          (call $slice (local.get $pointer) (local.get $len))
          (call $slice (i32.const 2048) (i32.const 4)))))
    (if (i32.eq (local.get $op) (i32.const 5))
      (then (global.set $unchecked (i32.const 1))))
    (if (i32.eq (local.get $op) (i32.const 6))
      (then
        (call $abort_on_panic (call $slice (local.get $pointer) (local.get $len)))
        (unreachable))))

  ;; Compares 32 bytes.
  (func $equal (param $a i32) (param $b i32) (result i32)
    (local $i i32)
    (loop $next
      (if (i64.ne
            (i64.load (i32.add (local.get $a) (local.get $i)))
            (i64.load (i32.add (local.get $b) (local.get $i))))
        (then (return (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 32))))
    (i32.const 1))

  (func (export "Core_execute_block") (type $entry)
    (local $expected i32)
    (local $count i32)
    (local $len i32)
    ;; parent hash, number, state root, extrinsics root, a digest without items
    (global.set $at (i32.add (local.get 0) (i32.const 32)))
    (drop (call $compact))
    (local.set $expected (global.get $at))
    (global.set $at (i32.add (global.get $at) (i32.const 64)))
    (if (call $compact) (then (unreachable)))
    (local.set $count (call $compact))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $len (call $compact))
        (call $apply (global.get $at) (local.get $len))
        (global.set $at (i32.add (global.get $at) (local.get $len)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (call $set
      (call $slice (i32.const 1024) (i32.const 3))
      (call $slice (i32.const 1032) (i32.const 8)))
    (if (global.get $unchecked) (then (return (i64.const 0))))
    (if (i32.eqz (call $equal (i32.wrap_i64 (call $root (i32.const 1))) (local.get $expected)))
      (then
        (call $abort_on_panic (call $slice (i32.const 1056) (i32.const 29)))
        (unreachable)))
    (i64.const 0)))
