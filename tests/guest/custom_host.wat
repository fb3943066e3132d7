;; A runtime of a chain with host functions of its own, as the example and the tests of custom host functions
;; have it. Entries take (pointer, length) and answer a pointer-size, length in the high half.
(module
  (type $entry (func (param i32 i32) (result i64)))

  (import "env" "ext_my_chain_greet_version_1" (func $greet (param i64) (result i64)))
  (import "env" "all_types" (func $all_types (param i32 i64 f32 f64) (result f64)))
  (import "env" "no_types" (func $no_types))
  (import "env" "give_i32" (func $give_i32 (result i32)))
  (import "env" "give_f32" (func $give_f32 (result f32)))
  (import "my_chain" "give_i64" (func $give_i64 (param i64) (result i64)))
  (import "env" "give_up" (func $give_up (param i32)))
  (import "env" "allocate" (func $allocate (param i32) (result i32)))
  (import "env" "read" (func $read (param i32 i32) (result i32)))
  (import "env" "write" (func $write (param i32 i32) (result i32)))
  (import "env" "ext_hashing_twox_64_version_1" (func $twox_64 (param i64) (result i32)))
  (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))

  (memory (export "memory") 2)
  (global (export "__heap_base") i32 (i32.const 65536))

  (func $pointer_size (param $pointer i32) (param $len i32) (result i64)
    (i64.or
      (i64.extend_i32_u (local.get $pointer))
      (i64.shl (i64.extend_i32_u (local.get $len)) (i64.const 32))))

  (func $answer (param $value i32) (result i64)
    (i32.store (i32.const 16) (local.get $value))
    (call $pointer_size (i32.const 16) (i32.const 4)))

  ;; Hands the input on, and answers what the host made of it.
  (func $greeting (export "greet") (type $entry)
    (call $greet (call $pointer_size (local.get 0) (local.get 1))))

  ;; A value of each type there and back.
  (func $types (export "types") (type $entry)
    (f64.store (i32.const 32)
      (call $all_types (i32.const -2) (i64.const -3000000000) (f32.const 0.5) (f64.const -0.25)))
    (call $no_types)
    (i32.store (i32.const 40) (call $give_i32))
    (f32.store (i32.const 44) (call $give_f32))
    (i64.store (i32.const 48) (call $give_i64 (i64.const 0x0123456789abcdef)))
    (call $pointer_size (i32.const 32) (i32.const 24)))

  (func $fails (export "fail") (type $entry)
    (call $give_up (i32.load8_u (local.get 0)))
    (call $give_up (i32.load8_u offset=1 (local.get 0)))
    (i64.const 0))

  ;; The input is a u32; answers the pointer, and then that of a block of the guest's own.
  (func $allocates (export "allocate") (type $entry)
    (i32.store (i32.const 16) (call $allocate (i32.load (local.get 0))))
    (i32.store (i32.const 20) (call $malloc (i32.const 8)))
    (call $pointer_size (i32.const 16) (i32.const 8)))

  ;; The input is a pointer and a length, u32 each.
  (func $reads (export "read") (type $entry)
    (call $answer (call $read (i32.load (local.get 0)) (i32.load offset=4 (local.get 0)))))
  (func $writes (export "write") (type $entry)
    (call $answer (call $write (i32.load (local.get 0)) (i32.load offset=4 (local.get 0)))))

  (func $hash (export "hash") (type $entry)
    (call $pointer_size
      (call $twox_64 (call $pointer_size (local.get 0) (local.get 1)))
      (i32.const 8)))

  ;; Recurses as deep as the input's u32 says and calls the host down there.
  (func $descend (param $depth i32) (result i32)
    (if (result i32) (local.get $depth)
      (then (i32.add (call $descend (i32.sub (local.get $depth) (i32.const 1))) (i32.const 1)))
      (else (call $give_i32))))
  (func $deep (export "deep") (type $entry)
    (call $answer (call $descend (i32.load (local.get 0)))))

  ;; Four calls of host functions: two of the caller's own, two that every host has. And none.
  (func $lingers (export "linger") (type $entry)
    (drop (call $malloc (i32.add (call $give_i32) (i32.const 13))))
    (drop (call $twox_64 (i64.const 0)))
    (call $answer (call $give_i32)))
  (func $no_host (export "no_host") (type $entry)
    (call $answer (i32.const 0))))
