;; Greets whom its arguments name, or the world.
;; Memory: 0 results of calls, 16 one buffer descriptor, 32 texts, 1024 pointers to the arguments,
;; and from 8192 on their bytes: each ends with a zero, and they follow one another.
(module $hello
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param $count i32) (param $bytes i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get"
    (func $args_get (param $pointers i32) (param $buffer i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $vectors i32) (param $count i32) (param $written i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param $code i32)))

  (memory (export "memory") 2)
  (data (i32.const 32) "Hello, ")
  (data (i32.const 48) "world")
  (data (i32.const 64) "!\n")

  (func $fail (param $code i32)
    (call $proc_exit (local.get $code))
    unreachable)

  ;; A write may take less than it was given, so it is repeated until nothing is left.
  (func $print (param $text i32) (param $length i32)
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $length)))
        (i32.store (i32.const 16) (local.get $text))
        (i32.store (i32.const 20) (local.get $length))
        (if (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0))
          (then (call $fail (i32.const 74))))
        (local.set $text (i32.add (local.get $text) (i32.load (i32.const 0))))
        (local.set $length (i32.sub (local.get $length) (i32.load (i32.const 0))))
        (br $again))))

  ;; Turns the zeros between the arguments into spaces.
  (func $join (param $from i32) (param $to i32)
    (block $done
      (loop $again
        (br_if $done (i32.ge_u (local.get $from) (local.get $to)))
        (if (i32.eqz (i32.load8_u (local.get $from)))
          (then (i32.store8 (local.get $from) (i32.const 32))))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (br $again))))

  (func (export "_start") (local $first i32) (local $end i32)
    (if (call $args_sizes_get (i32.const 0) (i32.const 4)) (then (call $fail (i32.const 71))))
    ;; 1,792 pointers and 120 KiB of text fit into the memory.
    (if (i32.or
          (i32.gt_u (i32.load (i32.const 0)) (i32.const 1792))
          (i32.gt_u (i32.load (i32.const 4)) (i32.const 122880)))
      (then (call $fail (i32.const 65))))
    (local.set $end (i32.add (i32.const 8191) (i32.load (i32.const 4))))
    (if (call $args_get (i32.const 1024) (i32.const 8192)) (then (call $fail (i32.const 71))))

    (call $print (i32.const 32) (i32.const 7))
    ;; The first argument is the module's own name; without another its pointer stays zero.
    (local.set $first (i32.load (i32.const 1028)))
    (if (local.get $first)
      (then
        (call $join (local.get $first) (local.get $end))
        (call $print (local.get $first) (i32.sub (local.get $end) (local.get $first))))
      (else (call $print (i32.const 48) (i32.const 5))))
    (call $print (i32.const 64) (i32.const 2))))
