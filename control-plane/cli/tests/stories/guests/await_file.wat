;; Prints "before", waits until its folder has a file named "go", prints "after", exits with 7.
;; Memory: 0 the result of a call, 16 one buffer descriptor, 32 texts, 64 a subscription, 128 an event.
(module $await_file
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32) "before\nafter\ngo")
  (func $print (param $text i32) (param $length i32)
    (i32.store (i32.const 16) (local.get $text))
    (i32.store (i32.const 20) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0))))
  ;; Waits for ten milliseconds of the monotonic clock.
  (func $pause
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (i64.const 10000000))
    (drop (call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 0))))
  ;; Descriptor 3 is the folder; rights 2 are to read.
  (func $is_there (result i32)
    (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 45) (i32.const 2)
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0))))
  (func $main (export "_start")
    (call $print (i32.const 32) (i32.const 7))
    (block $done
      (loop $again
        (br_if $done (call $is_there))
        (call $pause)
        (br $again)))
    (call $print (i32.const 39) (i32.const 6))
    (call $proc_exit (i32.const 7))))
