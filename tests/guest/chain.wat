;; A runtime for the tests of src/chain. Core_execute_block takes a block with no digest items but PreRuntime, does
;; what its extrinsics say, and checks the state root as real runtimes do. An extrinsic is its compact length and:
;;
;;   0                 nothing
;;   1 len key value   sets a key
;;   2 key             clears a key
;;   3                 traps
;;   4 key             sets a key to the size of the memory, u32
;;   5                 the state root will not be checked, nor asked for
;;   6 message         panics with that message
;;   7 answer          sets the key "tried" to the answer, which BlockBuilder_apply_extrinsic gives as it is; for the
;;                     others it answers Ok(Ok(()))
;;
;; At the end it sets the key "ran" to its own mark, eight bytes that the tests change to have other code.
;;
;; Blocks are built as they are executed: in between, the key "header" holds what Core_initialize_block was given.
;; BlockBuilder_finalize_block puts the state root in, or answers what the key "answer" holds.
;; BlockBuilder_inherent_extrinsics makes of each identifier and value, up to 50 bytes, an extrinsic that sets a key.
;; BlockBuilder_check_inherents finds a block right if the last byte of the data is 1. Both leave a key "leak".
(module
  (type $entry (func (param i32 i32) (result i64)))

  (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
  (import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))
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
  ;; RuntimeVersion: names "chain", authoring 1, spec 2, implementation 3, APIs Core 4 and BlockBuilder 6,
  ;; transactions 1, state 1
  (data (i32.const 1100)
    "\14chain\14chain\01\00\00\00\02\00\00\00\03\00\00\00\08\df\6a\cb\68\99\07\60\9b\04\00\00\00")
  (data (i32.const 1137) "\40\fe\3a\d4\01\f8\95\9a\06\00\00\00\01\00\00\00\01")
  (data (i32.const 1200) "header")
  (data (i32.const 1208) "answer")
  (data (i32.const 1216) "tried")
  (data (i32.const 1224) "leak")
  ;; What Core_initialize_block answers, for version 5 of Core: the byte after the name.
  (data (i32.const 1232) "inclusion-mode\01")
  ;; Ok(Ok(()))
  (data (i32.const 1248) "\00\00")
  ;; okay, not fatal, no errors; and: not okay, fatal, one error
  (data (i32.const 1256) "\01\00\00")
  (data (i32.const 1264) "\00\01\04guestinh\04\ff")

  (func $slice (param $pointer i32) (param $len i32) (result i64)
    (i64.or
      (i64.extend_i32_u (local.get $pointer))
      (i64.shl (i64.extend_i32_u (local.get $len)) (i64.const 32))))

  (func (export "Core_version") (type $entry)
    (call $slice (i32.const 1100) (i32.const 54)))

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
        (unreachable)))
    (if (i32.eq (local.get $op) (i32.const 7))
      (then
        (call $set
          (call $slice (i32.const 1216) (i32.const 5))
          (call $slice (local.get $pointer) (local.get $len))))))

  ;; Moves past a digest whose items are PreRuntime ones.
  (func $skip_digest
    (local $count i32)
    (local.set $count (call $compact))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (if (i32.ne (i32.load8_u (global.get $at)) (i32.const 6)) (then (unreachable)))
        (global.set $at (i32.add (global.get $at) (i32.const 5)))
        (global.set $at (i32.add (call $compact) (global.get $at)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next))))

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
    ;; parent hash, number, state root, extrinsics root, digest
    (global.set $at (i32.add (local.get 0) (i32.const 32)))
    (drop (call $compact))
    (local.set $expected (global.get $at))
    (global.set $at (i32.add (global.get $at) (i32.const 64)))
    (call $skip_digest)
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
    (i64.const 0))

  (func $mark_ran
    (call $set
      (call $slice (i32.const 1024) (i32.const 3))
      (call $slice (i32.const 1032) (i32.const 8))))

  (func $leak
    (call $set
      (call $slice (i32.const 1224) (i32.const 4))
      (call $slice (i32.const 1224) (i32.const 4))))

  (func $copy (param $to i32) (param $from i32) (param $len i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $len)))
        (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (br $next))))

  ;; The value of a key of six bytes, and $at behind it; 0 if there is none.
  (func $value_of (param $key i32) (result i64)
    (local $len i32)
    (global.set $at (i32.wrap_i64 (call $get (call $slice (local.get $key) (i32.const 6)))))
    (if (i32.eqz (i32.load8_u (global.get $at))) (then (return (i64.const 0))))
    (global.set $at (i32.add (global.get $at) (i32.const 1)))
    (local.set $len (call $compact))
    (call $slice (global.get $at) (local.get $len)))

  (func (export "Core_initialize_block") (type $entry)
    (call $set
      (call $slice (i32.const 1200) (i32.const 6))
      (call $slice (local.get 0) (local.get 1)))
    (call $slice (i32.const 1246) (i32.const 1)))

  (func (export "BlockBuilder_apply_extrinsic") (type $entry)
    (local $len i32)
    (global.set $at (local.get 0))
    (local.set $len (call $compact))
    (call $apply (global.get $at) (local.get $len))
    (if (i32.eq (i32.load8_u (global.get $at)) (i32.const 7))
      (then
        (return
          (call $slice
            (i32.add (global.get $at) (i32.const 1))
            (i32.sub (local.get $len) (i32.const 1))))))
    (call $slice (i32.const 1248) (i32.const 2)))

  (func (export "BlockBuilder_finalize_block") (type $entry)
    (local $answer i64)
    (local $header i64)
    (local.set $answer (call $value_of (i32.const 1208)))
    (if (i64.ne (local.get $answer) (i64.const 0)) (then (return (local.get $answer))))
    (local.set $header (call $value_of (i32.const 1200)))
    (call $clear (call $slice (i32.const 1200) (i32.const 6)))
    (call $mark_ran)
    (global.set $at (i32.add (global.get $at) (i32.const 32)))
    (drop (call $compact))
    (call $copy (global.get $at) (i32.wrap_i64 (call $root (i32.const 1))) (i32.const 32))
    (local.get $header))

  (func (export "BlockBuilder_inherent_extrinsics") (type $entry)
    (local $count i32)
    (local $len i32)
    (local $to i32)
    (call $leak)
    (global.set $at (local.get 0))
    (local.set $count (call $compact))
    ;; the count is below 64
    (local.set $to (i32.const 2112))
    (i32.store8 (local.get $to) (i32.shl (local.get $count) (i32.const 2)))
    (local.set $to (i32.add (local.get $to) (i32.const 1)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (call $copy (i32.add (local.get $to) (i32.const 3)) (global.get $at) (i32.const 8))
        (global.set $at (i32.add (global.get $at) (i32.const 8)))
        (local.set $len (call $compact))
        (i32.store8 (local.get $to) (i32.shl (i32.add (local.get $len) (i32.const 10)) (i32.const 2)))
        (i32.store8 (i32.add (local.get $to) (i32.const 1)) (i32.const 1))
        (i32.store8 (i32.add (local.get $to) (i32.const 2)) (i32.const 8))
        (call $copy (i32.add (local.get $to) (i32.const 11)) (global.get $at) (local.get $len))
        (global.set $at (i32.add (global.get $at) (local.get $len)))
        (local.set $to (i32.add (i32.add (local.get $to) (i32.const 11)) (local.get $len)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (call $slice (i32.const 2112) (i32.sub (local.get $to) (i32.const 2112))))

  (func (export "BlockBuilder_check_inherents") (type $entry)
    (call $leak)
    (if (i32.eq
          (i32.load8_u (i32.sub (i32.add (local.get 0) (local.get 1)) (i32.const 1)))
          (i32.const 1))
      (then (return (call $slice (i32.const 1256) (i32.const 3)))))
    (call $slice (i32.const 1264) (i32.const 13))))
