;; An interpreter of small programs that disturb an instance in every way there is; the property test of the
;; resetting strategy makes them at random. The input is a sequence of steps of 12 bytes: what, a, b (u32 each).
;; It answers the 64 bytes at 1024: results of steps, and the mutable globals at the end.
(module
  (type $entry (func (param i32 i32) (result i64)))
  (type $step (func (param i32 i32)))

  (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))
  (import "env" "ext_allocator_free_version_1" (func $free (param i32)))
  (import "env" "ext_hashing_twox_64_version_1" (func $twox_64 (param i64) (result i32)))
  (import "env" "ext_panic_handler_abort_on_panic_version_1" (func $abort_on_panic (param i64)))

  (memory (export "memory") 340)
  (global (export "__heap_base") i32 (i32.const 2162688))
  (table 12 12 funcref)
  (elem (i32.const 0)
    $store $fill $recurse $grow $allocate $release $set_globals $hash $scatter $gather $count $end)

  (global $integer (mut i32) (i32.const 0x11223344))
  (global $long (mut i64) (i64.const 0x5566778899aabbcc))
  (global $float (export "exported_float") (mut f32) (f32.const 1.5))
  (global $double (mut f64) (f64.const -2.25))
  (global $block (mut i32) (i32.const 0))
  (global $constant i32 (i32.const 7))

  ;; 0 and 1 within the first page; pages that a gap without data separates; the end of a page and the start of
  ;; the next.
  (data (i32.const 0) "\01\02\03\04")
  (data (i32.const 1088) "pristine")
  (data (i32.const 69630) "over the edge of a page")
  (data (i32.const 131072) "data behind a gap")
  ;; The property test moves this one to 20 MiB, where the engine copies data instead of mapping it.
  (data (i32.const 2097152) "the last data")

  (func $note (param $value i64)
    (i64.store (i32.const 1024)
      (i64.add (i64.mul (i64.load (i32.const 1024)) (i64.const 31)) (local.get $value))))

  ;; One byte anywhere; beyond the memory it traps.
  (func $store (type $step)
    (i32.store8 (local.get 0) (local.get 1)))

  ;; Bytes from a on, as many as b says in its low 24 bits; the high 8 bits are written.
  (func $fill (type $step) (local $end i32)
    (local.set $end (i32.add (local.get 0) (i32.and (local.get 1) (i32.const 0xffffff))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get 0) (local.get $end)))
        (i32.store8 (local.get 0) (i32.shr_u (local.get 1) (i32.const 24)))
        (local.set 0 (i32.add (local.get 0) (i32.const 61)))
        (br $next))))

  ;; A calls deep, each with a frame in memory as well; a large depth ends the stack.
  (func $recurse (type $step)
    (call $note (i64.extend_i32_u (call $descend (local.get 0) (i32.const 2031616)))))
  (func $descend (param $depth i32) (param $frame i32) (result i32)
    (if (i32.gt_u (local.get $frame) (i32.const 1048576))
      (then (i32.store (local.get $frame) (local.get $depth))))
    (if (result i32) (local.get $depth)
      (then
        (i32.add (i32.const 1)
          (call $descend
            (i32.sub (local.get $depth) (i32.const 1))
            (i32.sub (local.get $frame) (i32.const 48)))))
      (else (i32.const 0))))

  ;; By a pages; what is new is written at both ends.
  (func $grow (type $step) (local $old i32)
    (local.set $old (memory.grow (local.get 0)))
    (call $note (i64.extend_i32_s (local.get $old)))
    (if (i32.and (i32.ne (local.get $old) (i32.const -1)) (i32.ne (local.get 0) (i32.const 0)))
      (then
        (i32.store (i32.mul (local.get $old) (i32.const 65536)) (local.get 1))
        (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (local.get 1)))))

  ;; A block of a bytes, written at both ends.
  (func $allocate (type $step)
    (global.set $block (call $malloc (local.get 0)))
    (call $note (i64.extend_i32_u (global.get $block)))
    (i32.store8 (global.get $block) (local.get 1))
    (if (local.get 0)
      (then (i32.store8 (i32.sub (i32.add (global.get $block) (local.get 0)) (i32.const 1)) (local.get 1)))))

  ;; The block that was allocated last.
  (func $release (type $step)
    (call $free (global.get $block)))

  (func $set_globals (type $step)
    (global.set $integer (local.get 0))
    (global.set $long (i64.or (i64.extend_i32_u (local.get 1)) (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))))
    (global.set $float (f32.reinterpret_i32 (local.get 0)))
    (global.set $double (f64.reinterpret_i64 (global.get $long))))

  (func $hash (type $step)
    (call $note (i64.load (call $twox_64
      (i64.or
        (i64.extend_i32_u (local.get 0))
        (i64.shl (i64.extend_i32_u (i32.and (local.get 1) (i32.const 0xfffff))) (i64.const 32)))))))

  ;; Single bytes far from each other: b's low 12 bits of them, two pages apart.
  (func $scatter (type $step) (local $left i32)
    (local.set $left (i32.and (local.get 1) (i32.const 0xfff)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (i32.store8 (local.get 0) (local.get $left))
        (local.set 0 (i32.add (local.get 0) (i32.const 8192)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next))))

  ;; The same, reading only.
  (func $gather (type $step) (local $left i32)
    (local.set $left (i32.and (local.get 1) (i32.const 0xfff)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (call $note (i64.load8_u (local.get 0)))
        (local.set 0 (i32.add (local.get 0) (i32.const 4096)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next))))

  ;; Counters that a trace of an earlier call would show in: on data, behind it, on the heap.
  (func $count (type $step)
    (i32.store (i32.const 1088) (i32.add (i32.load (i32.const 1088)) (i32.const 1)))
    (i32.store (i32.const 40960) (i32.add (i32.load (i32.const 40960)) (i32.const 1)))
    (i32.store (i32.const 2621436) (i32.add (i32.load (i32.const 2621436)) (i32.const 1)))
    (call $note (i64.load32_u (i32.const 1088)))
    (call $note (i64.load32_u (i32.const 40960)))
    (call $note (i64.load32_u (i32.const 2621436))))

  ;; Ends the call, in the way that a says.
  (func $end (type $step)
    (block $divide
      (block $panic
        (block $unreachable
          (br_table $unreachable $panic $divide (local.get 0)))
        (unreachable))
      (call $abort_on_panic (i64.or (i64.const 131072) (i64.shl (i64.const 17) (i64.const 32))))
      (unreachable))
    (drop (i32.div_s (i32.const -2147483648) (i32.sub (i32.const 0) (i32.const 1)))))

  (func $run (export "run") (type $entry) (local $end i32)
    (local.set $end (i32.add (local.get 0) (local.get 1)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (i32.add (local.get 0) (i32.const 11)) (local.get $end)))
        (call_indirect (type $step)
          (i32.load offset=4 (local.get 0))
          (i32.load offset=8 (local.get 0))
          (i32.load (local.get 0)))
        (local.set 0 (i32.add (local.get 0) (i32.const 12)))
        (br $next)))
    (i32.store (i32.const 1032) (global.get $integer))
    (i64.store (i32.const 1036) (global.get $long))
    (f32.store (i32.const 1044) (global.get $float))
    (f64.store (i32.const 1048) (global.get $double))
    (i32.store (i32.const 1056) (global.get $block))
    (i32.store (i32.const 1060) (i32.add (memory.size) (global.get $constant)))
    (i64.or (i64.const 1024) (i64.shl (i64.const 64) (i64.const 32)))))
