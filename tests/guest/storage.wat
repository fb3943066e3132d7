;; A runtime that writes and reads one key of its state; entries take (pointer, length).
(module
  (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
  (import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))
  (import "env" "ext_storage_root_version_2" (func $root (param i32) (result i64)))
  (import "env" "ext_storage_start_transaction_version_1" (func $start))
  (import "env" "ext_storage_commit_transaction_version_1" (func $commit))

  (memory (export "memory") 17)
  (global (export "__heap_base") i32 (i32.const 65536))

  (data (i32.const 16) "key")
  (data (i32.const 32) "other")
  ;; Core_version: "storage", "storage", 1, 2, 3, no APIs, transaction 4, state 1
  (data (i32.const 128)
    "\1cstorage" "\1cstorage" "\01\00\00\00" "\02\00\00\00" "\03\00\00\00" "\00" "\04\00\00\00" "\01")

  (func $pointer_size (param $pointer i32) (param $len i32) (result i64)
    (i64.or
      (i64.extend_i32_u (local.get $pointer))
      (i64.shl (i64.extend_i32_u (local.get $len)) (i64.const 32))))

  (func $key (result i64)
    (call $pointer_size (i32.const 16) (i32.const 3)))

  (func $other (result i64)
    (call $pointer_size (i32.const 32) (i32.const 5)))

  ;; key = input
  (func $do_set (export "set") (param i32 i32) (result i64)
    (call $set (call $key) (call $pointer_size (local.get 0) (local.get 1)))
    (i64.const 0))

  ;; SCALE Option of the key's value
  (func (export "get") (param i32 i32) (result i64)
    (call $get (call $key)))

  ;; key = input, other = input, the latter in a transaction that stays open
  (func $do_set_both (export "set_both") (param i32 i32) (result i64)
    (drop (call $do_set (local.get 0) (local.get 1)))
    (call $start)
    (call $set (call $other) (call $pointer_size (local.get 0) (local.get 1)))
    (i64.const 0))

  (func (export "set_both_and_trap") (param i32 i32) (result i64)
    (drop (call $do_set_both (local.get 0) (local.get 1)))
    unreachable)

  (func (export "get_other") (param i32 i32) (result i64)
    (call $get (call $other)))

  ;; closes a transaction that it has not opened
  (func (export "commit") (param i32 i32) (result i64)
    (call $commit)
    (i64.const 0))

  (func (export "root") (param i32 i32) (result i64)
    (call $root (i32.const 1)))

  ;; writes and reads before it answers
  (func (export "Core_version") (param i32 i32) (result i64)
    (call $set (call $key) (call $key))
    (if (i64.eqz (call $get (call $key))) (then unreachable))
    (call $pointer_size (i32.const 128) (i32.const 34))))
