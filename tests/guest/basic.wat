;; A small runtime for tests: entries take (pointer, length) and answer a pointer-size, length in the high half.
(module
  (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))
  (import "env" "ext_hashing_blake2_256_version_1" (func $blake2_256 (param i64) (result i32)))
  (import "env" "ext_logging_log_version_1" (func $log (param i32 i64 i64)))
  (import "env" "ext_logging_max_level_version_1" (func $max_level (result i32)))
  (import "env" "ext_panic_handler_abort_on_panic_version_1" (func $abort_on_panic (param i64)))

  (memory (export "memory") 17)
  (global (export "__heap_base") i32 (i32.const 65536))
  (global $counter (mut i32) (i32.const 0))

  (data (i32.const 16) "guest")
  (data (i32.const 32) "first line\nsecond line")
  (data (i32.const 64) "out of eggs")
  ;; Core_version: "basic", "basic-guest", 1, 7, 3, [(Core, 4), (an API of nobody, 2)], transaction 5, state 1
  (data (i32.const 128)
    "\14basic" "\2cbasic-guest" "\01\00\00\00" "\07\00\00\00" "\03\00\00\00"
    "\08" "\df\6a\cb\68\99\07\60\9b" "\04\00\00\00" "\01\02\03\04\05\06\07\08" "\02\00\00\00"
    "\05\00\00\00" "\01")

  (func $pointer_size (param $pointer i32) (param $len i32) (result i64)
    (i64.or
      (i64.extend_i32_u (local.get $pointer))
      (i64.shl (i64.extend_i32_u (local.get $len)) (i64.const 32))))

  (func $Core_version (export "Core_version") (param i32 i32) (result i64)
    (call $pointer_size (i32.const 128) (i32.const 60)))

  (func $empty (export "empty") (param i32 i32) (result i64)
    (i64.const 0))

  (func $echo (export "echo") (param $pointer i32) (param $len i32) (result i64)
    (call $pointer_size (local.get $pointer) (local.get $len)))

  (func $hash (export "hash") (param $pointer i32) (param $len i32) (result i64)
    (call $pointer_size
      (call $blake2_256 (call $pointer_size (local.get $pointer) (local.get $len)))
      (i32.const 32)))

  ;; Counts its calls in a global and in memory: 1 and 1, every time.
  (func $count (export "count") (param i32 i32) (result i64)
    (global.set $counter (i32.add (global.get $counter) (i32.const 1)))
    (i32.store (i32.const 4) (i32.add (i32.load (i32.const 4)) (i32.const 1)))
    (i32.store (i32.const 0) (global.get $counter))
    (call $pointer_size (i32.const 0) (i32.const 8)))

  ;; Logs two lines on the level that the first byte of the input says; answers the filter.
  (func $log_lines (export "log") (param $pointer i32) (param $len i32) (result i64)
    (call $log
      (i32.load8_u (local.get $pointer))
      (call $pointer_size (i32.const 16) (i32.const 5))
      (call $pointer_size (i32.const 32) (i32.const 22)))
    (i32.store (i32.const 0) (call $max_level))
    (call $pointer_size (i32.const 0) (i32.const 4)))

  ;; Allocates as many bytes as the input's u32 says; answers the pointer.
  (func $allocate (export "allocate") (param $pointer i32) (param $len i32) (result i64)
    (i32.store (i32.const 0) (call $malloc (i32.load (local.get $pointer))))
    (call $pointer_size (i32.const 0) (i32.const 4)))

  ;; Grows the memory by as many pages as the input's u32 says; answers the old size or -1.
  (func $grow (export "grow") (param $pointer i32) (param $len i32) (result i64)
    (i32.store (i32.const 0) (memory.grow (i32.load (local.get $pointer))))
    (call $pointer_size (i32.const 0) (i32.const 4)))

  (func $inner (unreachable))
  (func $middle (call $inner))
  (func $trap (export "trap") (param i32 i32) (result i64)
    (call $middle)
    (i64.const 0))

  (func $panic (export "panic") (param i32 i32) (result i64)
    (call $abort_on_panic (call $pointer_size (i32.const 64) (i32.const 11)))
    (unreachable))

  (func $deeper (param i32) (result i32)
    (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func $recurse (export "recurse") (param i32 i32) (result i64)
    (i64.extend_i32_u (call $deeper (i32.const 0))))

  (func $divide (export "divide") (param i32 i32) (result i64)
    (i64.extend_i32_u (i32.div_u (local.get 0) (i32.const 0))))

  ;; Ranges at the borders of the memory.
  (func $return_huge_len (export "return_huge_len") (param i32 i32) (result i64)
    (call $pointer_size (i32.const 0) (i32.const -1)))
  (func $return_max_memory_offset (export "return_max_memory_offset") (param i32 i32) (result i64)
    (call $pointer_size
      (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))
      (i32.const 1)))
  (func $return_max_memory_offset_plus_one (export "return_max_memory_offset_plus_one") (param i32 i32) (result i64)
    (call $pointer_size (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)))
  (func $return_empty_at_the_end (export "return_empty_at_the_end") (param i32 i32) (result i64)
    (call $pointer_size (i32.mul (memory.size) (i32.const 65536)) (i32.const 0)))
  (func $return_overflow (export "return_overflow") (param i32 i32) (result i64)
    (call $pointer_size (i32.const -1) (i32.const 1)))

  ;; An export that is no entry.
  (func $no_entry (export "no_entry") (param i32) (result i32)
    (local.get 0)))
