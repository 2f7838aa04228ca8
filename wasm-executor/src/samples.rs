//! Small modules to try things with, as WebAssembly text. They use WASI preview 1 only.

/// Greets whom its arguments name, or the world.
pub const HELLO: &str = include_str!("../samples/hello.wat");

/// Counts the primes below a million: about ten milliseconds of work.
pub const PRIMES: &str = include_str!("../samples/primes.wat");
