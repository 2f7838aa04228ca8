;; Counts the primes below a million with the sieve of Eratosthenes.
;; Memory: 0 the result of a write, 16 one buffer descriptor, 32 texts, 128 digits, and from 65536
;; on one byte a number, set where the number is known to be composite.
(module $primes
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $vectors i32) (param $count i32) (param $written i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param $code i32)))

  (memory (export "memory") 17)
  (data (i32.const 32) " primes below 1000000, the largest is ")
  (data (i32.const 96) "\n")

  (global $sieve i32 (i32.const 65536))
  (global $limit i32 (i32.const 1000000))

  (func $print (param $text i32) (param $length i32)
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $length)))
        (i32.store (i32.const 16) (local.get $text))
        (i32.store (i32.const 20) (local.get $length))
        (if (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0))
          (then (call $proc_exit (i32.const 74)) unreachable))
        (local.set $text (i32.add (local.get $text) (i32.load (i32.const 0))))
        (local.set $length (i32.sub (local.get $length) (i32.load (i32.const 0))))
        (br $again))))

  ;; Digits come out from the last to the first, so they are written backwards, ending before 144.
  (func $print_number (param $number i32) (local $at i32)
    (local.set $at (i32.const 144))
    (loop $again
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $again (local.get $number)))
    (call $print (local.get $at) (i32.sub (i32.const 144) (local.get $at))))

  (func $is_composite (param $number i32) (result i32)
    (i32.load8_u (i32.add (global.get $sieve) (local.get $number))))

  ;; Marks the multiples of a prime from its square on; smaller ones have a smaller factor.
  (func $mark_multiples (param $prime i32) (local $multiple i32)
    (local.set $multiple (i32.mul (local.get $prime) (local.get $prime)))
    (block $done
      (loop $again
        (br_if $done (i32.ge_u (local.get $multiple) (global.get $limit)))
        (i32.store8 (i32.add (global.get $sieve) (local.get $multiple)) (i32.const 1))
        (local.set $multiple (i32.add (local.get $multiple) (local.get $prime)))
        (br $again))))

  (func (export "_start") (local $number i32) (local $count i32) (local $largest i32)
    (local.set $number (i32.const 2))
    (loop $again
      (if (i32.eqz (call $is_composite (local.get $number)))
        (then
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (local.set $largest (local.get $number))
          ;; The square of a number beyond 1000 is beyond the limit, and might not fit 32 bits.
          (if (i32.lt_u (local.get $number) (i32.const 1000))
            (then (call $mark_multiples (local.get $number))))))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $number) (global.get $limit))))
    (call $print_number (local.get $count))
    (call $print (i32.const 32) (i32.const 38))
    (call $print_number (local.get $largest))
    (call $print (i32.const 96) (i32.const 1))))
