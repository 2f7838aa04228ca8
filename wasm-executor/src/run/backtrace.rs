//! Names of the functions a guest was in when it failed.

use wasmtime::WasmBacktrace;

use crate::engine::BACKTRACE_FRAMES;

/// Generic code has names of kilobytes; this much tells them apart.
const NAME_CHARS: usize = 200;

/// Function names, innermost first; empty where the error holds no backtrace.
///
/// Wasmtime demangles the names of Rust and C++ functions only in its own text of a backtrace, one
/// line a frame that ends with `module!function`, so they are read from there.
pub(super) fn names(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let text = backtrace.to_string();
    let mut lines = text.lines().skip(1);
    backtrace
        .frames()
        .iter()
        .take(BACKTRACE_FRAMES)
        .map(|frame| {
            let module = format!("{}!", frame.module().name().unwrap_or("<unknown>"));
            let shown = lines.next().and_then(|line| line.split_once(&module));
            shown
                .map(|(_, name)| name)
                .or(frame.func_name())
                .map_or_else(
                    || format!("<wasm function {}>", frame.func_index()),
                    |name| {
                        without_hash(name)
                            .chars()
                            .filter(|c| !c.is_control())
                            .take(NAME_CHARS)
                            .collect()
                    },
                )
        })
        .collect()
}

/// Rust's older names end with a hash, which tells a reader nothing: `::h` and 16 digits.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::without_hash;

    #[test]
    fn only_a_hash_is_cut_off() {
        assert_eq!(
            without_hash("bench::divide::h0123456789abcdef"),
            "bench::divide"
        );
        assert_eq!(without_hash("bench::hello"), "bench::hello");
        assert_eq!(without_hash("main"), "main");
    }
}
