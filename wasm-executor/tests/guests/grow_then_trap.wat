(module $grow
  (memory (export "memory") 1)
  (func $out_of_memory unreachable)
  (func $main (export "_start")
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (call $out_of_memory)))
