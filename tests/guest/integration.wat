;; The test runtime of the executor's tests: what the integration tests of the reference ask of theirs
;; (spec/executor.md section 5), written anew, without storage. Entries take (pointer, length) and answer a
;; pointer-size, length in the high half.
;;
;; Memory: the stack below 1048576, grown downwards with $stack_pointer; data and what stands for bss above;
;; the heap from 1114112.
(module
  (type $entry (func (param i32 i32) (result i64)))

  (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))
  (import "env" "ext_allocator_free_version_1" (func $free (param i32)))
  (import "env" "ext_hashing_blake2_128_version_1" (func $blake2_128 (param i64) (result i32)))
  (import "env" "ext_hashing_blake2_256_version_1" (func $blake2_256 (param i64) (result i32)))
  (import "env" "ext_hashing_keccak_256_version_1" (func $keccak_256 (param i64) (result i32)))
  (import "env" "ext_hashing_keccak_512_version_1" (func $keccak_512 (param i64) (result i32)))
  (import "env" "ext_hashing_sha2_256_version_1" (func $sha2_256 (param i64) (result i32)))
  (import "env" "ext_hashing_twox_64_version_1" (func $twox_64 (param i64) (result i32)))
  (import "env" "ext_hashing_twox_128_version_1" (func $twox_128 (param i64) (result i32)))
  (import "env" "ext_hashing_twox_256_version_1" (func $twox_256 (param i64) (result i32)))
  (import "env" "ext_logging_log_version_1" (func $log (param i32 i64 i64)))
  (import "env" "ext_logging_max_level_version_1" (func $max_level (result i32)))
  (import "env" "ext_panic_handler_abort_on_panic_version_1" (func $abort_on_panic (param i64)))

  (memory (export "memory") 17)
  (global (export "__heap_base") i32 (i32.const 1114112))
  (global $stack_pointer (mut i32) (i32.const 1048576))
  (global $counter_i32 (mut i32) (i32.const 10))
  (global $counter_i64 (mut i64) (i64.const 0x123456789abcdef0))
  (global $counter_f32 (mut f32) (f32.const 0.5))
  (global $counter_f64 (mut f64) (f64.const -0.25))

  (data (i32.const 1048576) "\20\00\00\00")  ;; a mutable static, 32
  (data (i32.const 1048592) "guest")
  (data (i32.const 1048608) "first line\nsecond line")
  (data (i32.const 1048640) "test_abort_on_panic called")
  (data (i32.const 1048672) "test panic")
  (data (i32.const 1048688) "\d2\04\00\00\00\00\00\00")  ;; 1234
  ;; 1049600: a mutable static in bss; 1050000: room for answers

  (func $pointer_size (param $pointer i32) (param $len i32) (result i64)
    (i64.or
      (i64.extend_i32_u (local.get $pointer))
      (i64.shl (i64.extend_i32_u (local.get $len)) (i64.const 32))))

  (func $answer_u32 (param $value i32) (result i64)
    (i32.store (i32.const 1050000) (local.get $value))
    (call $pointer_size (i32.const 1050000) (i32.const 4)))

  ;; ---- Answers ----

  (func $test_empty_return (export "test_empty_return") (type $entry)
    (i64.const 0))

  (func $test_echo (export "test_echo") (type $entry)
    (call $pointer_size (local.get 0) (local.get 1)))

  ;; Where the input lies and how long it is.
  (func $test_input_place (export "test_input_place") (type $entry)
    (i32.store (i32.const 1050000) (local.get 0))
    (i32.store (i32.const 1050004) (local.get 1))
    (call $pointer_size (i32.const 1050000) (i32.const 8)))

  (func $test_return_value (export "test_return_value") (type $entry)
    (call $pointer_size (i32.const 1048688) (i32.const 8)))

  (func $test_return_i8 (export "test_return_i8") (type $entry)
    (i32.store8 (i32.const 1050000) (i32.const -66))
    (call $pointer_size (i32.const 1050000) (i32.const 1)))

  (func $test_take_i8 (export "test_take_i8") (type $entry)
    (if (i32.ne (i32.load8_s (local.get 0)) (i32.const -66))
      (then (unreachable)))
    (i64.const 0))

  ;; Ranges at the borders of the memory and of the address space.
  (func $test_return_huge_len (export "test_return_huge_len") (type $entry)
    (call $pointer_size (i32.const 0) (i32.const -1)))
  (func $test_return_max_memory_offset (export "test_return_max_memory_offset") (type $entry)
    (call $pointer_size (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)) (i32.const 1)))
  (func $test_return_max_memory_offset_plus_one (export "test_return_max_memory_offset_plus_one") (type $entry)
    (call $pointer_size (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)))
  (func $test_return_empty_at_the_end (export "test_return_empty_at_the_end") (type $entry)
    (call $pointer_size (i32.mul (memory.size) (i32.const 65536)) (i32.const 0)))
  (func $test_return_overflow (export "test_return_overflow") (type $entry)
    (call $pointer_size (i32.const -1) (i32.const 1)))

  ;; ---- Ends ----

  (func $panic (param $message i64)
    (call $abort_on_panic (local.get $message))
    (unreachable))

  (func $test_panic (export "test_panic") (type $entry)
    (call $panic (call $pointer_size (i32.const 1048672) (i32.const 10)))
    (i64.const 0))

  ;; Panics if there is input, as the reference's test runtime does when it cannot decode it.
  (func $test_conditional_panic (export "test_conditional_panic") (type $entry)
    (if (local.get 1)
      (then (call $panic (call $pointer_size (i32.const 1048672) (i32.const 10)))))
    (i64.const 0))

  (func $test_abort_on_panic (export "test_abort_on_panic") (type $entry)
    (call $panic (call $pointer_size (i32.const 1048640) (i32.const 26)))
    (i64.const 0))

  ;; Panics with the input as the message.
  (func $test_panic_with_input (export "test_panic_with_input") (type $entry)
    (call $panic (call $pointer_size (local.get 0) (local.get 1)))
    (i64.const 0))

  ;; Reports a panic and returns all the same.
  (func $test_panic_and_return (export "test_panic_and_return") (type $entry)
    (call $abort_on_panic (call $pointer_size (i32.const 1048672) (i32.const 10)))
    (i64.const 0))

  (func $test_unreachable_intrinsic (export "test_unreachable_intrinsic") (type $entry)
    (unreachable))

  (func $test_divide_by_zero (export "test_divide_by_zero") (type $entry)
    (i64.extend_i32_u (i32.div_u (local.get 0) (i32.const 0))))

  (func $test_load_behind_memory (export "test_load_behind_memory") (type $entry)
    (i64.extend_i32_u (i32.load (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 3)))))

  ;; ---- Hashes of the input ----

  (func $test_blake2_128 (export "test_blake2_128") (type $entry)
    (call $pointer_size (call $blake2_128 (call $pointer_size (local.get 0) (local.get 1))) (i32.const 16)))
  (func $test_blake2_256 (export "test_blake2_256") (type $entry)
    (call $pointer_size (call $blake2_256 (call $pointer_size (local.get 0) (local.get 1))) (i32.const 32)))
  (func $test_keccak_256 (export "test_keccak_256") (type $entry)
    (call $pointer_size (call $keccak_256 (call $pointer_size (local.get 0) (local.get 1))) (i32.const 32)))
  (func $test_keccak_512 (export "test_keccak_512") (type $entry)
    (call $pointer_size (call $keccak_512 (call $pointer_size (local.get 0) (local.get 1))) (i32.const 64)))
  (func $test_sha2_256 (export "test_sha2_256") (type $entry)
    (call $pointer_size (call $sha2_256 (call $pointer_size (local.get 0) (local.get 1))) (i32.const 32)))
  (func $test_twox_64 (export "test_twox_64") (type $entry)
    (call $pointer_size (call $twox_64 (call $pointer_size (local.get 0) (local.get 1))) (i32.const 8)))
  (func $test_twox_128 (export "test_twox_128") (type $entry)
    (call $pointer_size (call $twox_128 (call $pointer_size (local.get 0) (local.get 1))) (i32.const 16)))
  (func $test_twox_256 (export "test_twox_256") (type $entry)
    (call $pointer_size (call $twox_256 (call $pointer_size (local.get 0) (local.get 1))) (i32.const 32)))

  ;; A host function with a range that ends behind the memory.
  (func $test_hash_out_of_bounds (export "test_hash_out_of_bounds") (type $entry)
    (drop (call $twox_64 (call $pointer_size (i32.const 0) (i32.const -1))))
    (i64.const 0))

  ;; ---- What one call leaves behind must not reach the next ----

  (func $increment (param $at i32) (result i64)
    (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (i32.const 1)))
    (call $answer_u32 (i32.load (local.get $at))))

  (func $test_returns_mutable_static (export "test_returns_mutable_static") (type $entry)
    (call $increment (i32.const 1048576)))
  (func $test_returns_mutable_static_bss (export "test_returns_mutable_static_bss") (type $entry)
    (call $increment (i32.const 1049600)))

  ;; Counts in a global of each type; answers all of them.
  (func $test_count_in_globals (export "test_count_in_globals") (type $entry)
    (global.set $counter_i32 (i32.add (global.get $counter_i32) (i32.const 1)))
    (global.set $counter_i64 (i64.add (global.get $counter_i64) (i64.const 1)))
    (global.set $counter_f32 (f32.add (global.get $counter_f32) (f32.const 1)))
    (global.set $counter_f64 (f64.add (global.get $counter_f64) (f64.const 1)))
    (i32.store (i32.const 1050000) (global.get $counter_i32))
    (i64.store (i32.const 1050004) (global.get $counter_i64))
    (f32.store (i32.const 1050012) (global.get $counter_f32))
    (f64.store (i32.const 1050016) (global.get $counter_f64))
    (call $pointer_size (i32.const 1050000) (i32.const 24)))

  ;; Takes 768 KiB of the stack, fills them, traps if the input's first byte is 1. A second call has room for
  ;; as much only if the stack pointer came back.
  (func $test_allocate_huge_stack_array (export "test_allocate_huge_stack_array") (type $entry) (local $at i32)
    (global.set $stack_pointer (i32.sub (global.get $stack_pointer) (i32.const 786432)))
    (local.set $at (global.get $stack_pointer))
    (loop $fill
      (i32.store (local.get $at) (i32.const 0x5a5a5a5a))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $fill (i32.ne (local.get $at) (i32.add (global.get $stack_pointer) (i32.const 786432)))))
    (if (i32.eq (i32.load8_u (local.get 0)) (i32.const 1))
      (then (unreachable)))
    (local.set $at (global.get $stack_pointer))
    (global.set $stack_pointer (i32.add (global.get $stack_pointer) (i32.const 786432)))
    (call $pointer_size (local.get $at) (i32.const 8)))

  ;; ---- Memory ----

  ;; Allocates as many bytes as the input's u32 says; answers the pointer.
  (func $test_allocate (export "test_allocate") (type $entry)
    (call $answer_u32 (call $malloc (i32.load (local.get 0)))))

  ;; Allocates three blocks, frees two of them, takes one again; answers all four pointers.
  (func $test_allocate_and_free (export "test_allocate_and_free") (type $entry)
    (i32.store (i32.const 1050000) (call $malloc (i32.const 100)))
    (i32.store (i32.const 1050004) (call $malloc (i32.const 100)))
    (i32.store (i32.const 1050008) (call $malloc (i32.const 3000)))
    (call $free (i32.load (i32.const 1050000)))
    (call $free (i32.load (i32.const 1050008)))
    (i32.store (i32.const 1050012) (call $malloc (i32.const 65)))
    (call $pointer_size (i32.const 1050000) (i32.const 16)))

  ;; Frees a block twice.
  (func $test_free_twice (export "test_free_twice") (type $entry) (local $block i32)
    (local.set $block (call $malloc (i32.const 8)))
    (call $free (local.get $block))
    (call $free (local.get $block))
    (i64.const 0))

  ;; Allocates 16 MiB again and again.
  (func $test_exhaust_heap (export "test_exhaust_heap") (type $entry)
    (loop $again
      (drop (call $malloc (i32.const 16777216)))
      (br $again))
    (unreachable))

  ;; Allocates 205 times 10 MiB and writes to both ends of each; answers the sum.
  (func $test_allocate_two_gigabyte (export "test_allocate_two_gigabyte") (type $entry) (local $count i32) (local $block i32)
    (loop $again
      (local.set $block (call $malloc (i32.const 10485760)))
      (i32.store8 (local.get $block) (i32.const 1))
      (i32.store8 (i32.add (local.get $block) (i32.const 10485759)) (i32.const 1))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $count) (i32.const 205))))
    (call $answer_u32 (i32.mul (local.get $count) (i32.const 10485760))))

  ;; Grows the memory by as many pages as the input's u32 says, writes to the new pages; answers the old size
  ;; or -1.
  (func $test_grow (export "test_grow") (type $entry) (local $old i32)
    (local.set $old (memory.grow (i32.load (local.get 0))))
    (if (i32.ne (local.get $old) (i32.const -1))
      (then (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 7))))
    (call $answer_u32 (local.get $old)))

  ;; Stores one byte into each 4 KiB page of as many 64 KiB pages from the heap on as the input's u32 says.
  (func $test_dirty_memory (export "test_dirty_memory") (type $entry) (local $at i32) (local $end i32)
    (local.set $at (i32.const 1179648))
    (local.set $end (i32.add (local.get $at) (i32.mul (i32.load (local.get 0)) (i32.const 65536))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (i32.store8 (local.get $at) (i32.const 1))
        (local.set $at (i32.add (local.get $at) (i32.const 4096)))
        (br $next)))
    (i64.const 0))

  ;; ---- Stack, numbers ----

  (func $deeper (param $depth i32) (result i32)
    (if (result i32) (local.get $depth)
      (then (i32.add (call $deeper (i32.sub (local.get $depth) (i32.const 1))) (i32.const 1)))
      (else (i32.const 0))))

  ;; Recurses as deep as the input's u32 says; answers the depth.
  (func $test_consume_stack (export "test_consume_stack") (type $entry)
    (call $answer_u32 (call $deeper (i32.load (local.get 0)))))

  ;; Adds the two f32 of the input; answers the bits.
  (func $test_fp_f32add (export "test_fp_f32add") (type $entry)
    (f32.store (i32.const 1050000) (f32.add (f32.load (local.get 0)) (f32.load offset=4 (local.get 0))))
    (call $pointer_size (i32.const 1050000) (i32.const 4)))

  ;; ---- Logging ----

  ;; Logs two lines on the level that the input's first byte says; answers the filter.
  (func $test_log (export "test_log") (type $entry)
    (call $log
      (i32.load8_u (local.get 0))
      (call $pointer_size (i32.const 1048592) (i32.const 5))
      (call $pointer_size (i32.const 1048608) (i32.const 22)))
    (call $answer_u32 (call $max_level)))

  ;; ---- Exports that are no entries ----

  (func $no_entry_one_param (export "no_entry_one_param") (param i32) (result i64)
    (i64.const 0))
  (func $no_entry_no_result (export "no_entry_no_result") (param i32 i32))
  (func $no_entry_i32_result (export "no_entry_i32_result") (param i32 i32) (result i32)
    (i32.const 0))
  (func $no_entry_i64_param (export "no_entry_i64_param") (param i64 i32) (result i64)
    (i64.const 0)))
