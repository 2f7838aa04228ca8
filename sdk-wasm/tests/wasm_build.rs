//! The SDK and its example build for WebAssembly, where the tool chain has the target.

use std::path::Path;
use std::process::Command;

const TARGET: &str = "wasm32-wasip1";

#[test]
fn the_example_builds_for_wasi() {
    if !has_target() {
        eprintln!("skipped: no {TARGET} here (rustup target add {TARGET})");
        return;
    }
    let products = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--offline",
            "--package",
            "insula-sdk",
            "--example",
            "word-count",
        ])
        .args(["--target", TARGET, "--target-dir"])
        .arg(products)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(
        status.success(),
        "cargo build for {TARGET} failed: {status}"
    );

    let module = products.join(TARGET).join("debug/examples/word-count.wasm");
    let bytes = std::fs::read(&module).unwrap();
    // The magic number and the version 1 of a core module.
    assert_eq!(bytes[..8], *b"\0asm\x01\0\0\0");
}

/// Whether the standard library for the target is installed beside this compiler.
fn has_target() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
