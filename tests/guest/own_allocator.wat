;; Entry points of RFC-145: they take the length of their input, make room for it and ask for it. The host allocates
;; nothing; `$reserve` is the allocator.
(module
  (import "env" "ext_input_read_version_1" (func $input_read (param i64)))
  (import "env" "ext_hashing_blake2_256_version_2" (func $blake2_256 (param i64 i32)))
  (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
  (import "env" "ext_storage_read_version_2" (func $read (param i64 i64 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (global (export "__heap_base") i32 (i32.const 1024))
  (global $next (mut i32) (i32.const 1024))
  (data (i32.const 16) "key")

  (func $range (param $pointer i32) (param $length i32) (result i64)
    (i64.or (i64.extend_i32_u (local.get $pointer))
            (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))

  ;; Bytes at the end of what was handed out before; the memory grows if it is too small.
  (func $reserve (param $length i32) (result i32)
    (local $at i32) (local $missing i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get $length)))
    (local.set $missing
      (i32.sub (i32.shr_u (i32.add (global.get $next) (i32.const 65535)) (i32.const 16)) (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.lt_s (memory.grow (local.get $missing)) (i32.const 0))
          (then (unreachable)))))
    (local.get $at))

  ;; The input, in room of exactly its length.
  (func $input (param $length i32) (result i32)
    (local $at i32)
    (local.set $at (call $reserve (local.get $length)))
    (call $input_read (call $range (local.get $at) (local.get $length)))
    (local.get $at))

  (func $echo (export "echo") (param $length i32) (result i64)
    (call $range (call $input (local.get $length)) (local.get $length)))

  (func $hash (export "hash") (param $length i32) (result i64)
    (local $at i32)
    (local.set $at (call $reserve (i32.const 32)))
    (call $blake2_256 (call $range (call $input (local.get $length)) (local.get $length)) (local.get $at))
    (call $range (local.get $at) (i32.const 32)))

  ;; Store the input, and answer it as it was read again.
  (func $store (export "store") (param $length i32) (result i64)
    (local $at i32)
    (call $set (call $range (i32.const 16) (i32.const 3))
               (call $range (call $input (local.get $length)) (local.get $length)))
    (local.set $at (call $reserve (local.get $length)))
    (call $range (local.get $at)
      (i32.wrap_i64 (call $read (call $range (i32.const 16) (i32.const 3))
                                (call $range (local.get $at) (local.get $length))
                                (i32.const 0) (i32.const 0)))))

  ;; Where the allocator stands and how large the memory is; a call before this one must not be seen.
  (func $where (export "where") (param $length i32) (result i64)
    (i32.store (i32.const 0) (global.get $next))
    (i32.store (i32.const 4) (memory.size))
    (i32.store (i32.const 8) (local.get $length))
    (call $range (i32.const 0) (i32.const 12)))

  (func $twice (export "twice") (param $length i32) (result i64)
    (drop (call $input (local.get $length)))
    (call $range (call $input (local.get $length)) (local.get $length)))

  ;; Room for one byte less than there are.
  (func $short (export "short") (param $length i32) (result i64)
    (call $input_read (call $range (i32.const 1024) (i32.sub (local.get $length) (i32.const 1))))
    (i64.const 0))

  ;; Room for more than there is: the rest stays as it is.
  (func $long (export "long") (param $length i32) (result i64)
    (i64.store (i32.const 1024) (i64.const 0x1111111111111111))
    (call $input_read (call $range (i32.const 1024) (i32.const 8)))
    (call $range (i32.const 1024) (i32.const 8)))

  ;; Room that the memory does not have.
  (func $outside (export "outside") (param $length i32) (result i64)
    (call $input_read (call $range (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1)) (local.get $length)))
    (i64.const 0))

  (func $output_outside (export "output_outside") (param $length i32) (result i64)
    (call $range (i32.shl (memory.size) (i32.const 16)) (i32.const 1)))

  (func $trap (export "trap") (param $length i32) (result i64)
    (drop (call $input (local.get $length)))
    (unreachable))

  ;; The other kind of entry point: the host has placed the input.
  (func $placed (export "placed") (param $pointer i32) (param $length i32) (result i64)
    (call $range (local.get $pointer) (local.get $length)))

  ;; Exports that are no entry points.
  (func (export "i64_length") (param i64) (result i64) (i64.const 0))
  (func (export "i32_result") (param i32) (result i32) (i32.const 0))
  (func (export "no_param") (result i64) (i64.const 0))
  (func (export "three_params") (param i32 i32 i32) (result i64) (i64.const 0)))
