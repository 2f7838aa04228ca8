;; Fails if it has more than one argument, the first being its name.
(component
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-arguments" (func (result (list string))))))
  (core module $libc
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 1024))
    ;; Gives out memory and takes none back.
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $free (i32.add (local.get $at) (local.get $new)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (core func $get_arguments (canon lower (func $environment "get-arguments")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "environment" "get-arguments" (func $get_arguments (param $result i32)))
    (func (export "run") (result i32)
      (call $get_arguments (i32.const 16))
      (i32.gt_u (i32.load (i32.const 20)) (i32.const 1))))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "environment" (instance (export "get-arguments" (func $get_arguments))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
