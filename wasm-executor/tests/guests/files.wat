(module $files
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32) "input")
  (data (i32.const 48) "output")
  (data (i32.const 64) "../stdout")
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (local.get $errno)) unreachable)))
  ;; Opens a file of the first preopened folder, which is descriptor 3; rights 2 are to read, 64 to write.
  (func $open (param $name i32) (param $length i32) (param $flags i32) (param $rights i64) (result i32)
    (call $path_open (i32.const 3) (i32.const 0) (local.get $name) (local.get $length)
      (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 16)))
  (func (export "_start")
    ;; The sandbox around the folder is out of reach.
    (if (i32.eqz (call $open (i32.const 64) (i32.const 9) (i32.const 0) (i64.const 2)))
      (then (call $proc_exit (i32.const 100)) unreachable))
    (call $check (call $open (i32.const 32) (i32.const 5) (i32.const 0) (i64.const 2)))
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 4096))
    (call $check (call $fd_read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    ;; Flag 1 creates the file.
    (call $check (call $open (i32.const 48) (i32.const 6) (i32.const 1) (i64.const 64)))
    (call $check (call $fd_write (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 8)))))
