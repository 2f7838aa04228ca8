(module $cat
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (i32.const 74)) unreachable)))
  (func $write (param $at i32) (param $left i32)
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $left)))
        (i32.store (i32.const 8) (local.get $at))
        (i32.store (i32.const 12) (local.get $left))
        (call $check (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))
        (local.set $at (i32.add (local.get $at) (i32.load (i32.const 0))))
        (local.set $left (i32.sub (local.get $left) (i32.load (i32.const 0))))
        (br $again))))
  (func (export "_start")
    (block $done
      (loop $again
        (i32.store (i32.const 8) (i32.const 1024))
        (i32.store (i32.const 12) (i32.const 4096))
        (call $check (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 0)))
        (br_if $done (i32.eqz (i32.load (i32.const 0))))
        (call $write (i32.const 1024) (i32.load (i32.const 0)))
        (br $again)))))
