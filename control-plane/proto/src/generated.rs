//! What `build.rs` made of `proto/`, one module per package.
//!
//! The code is not ours to polish, hence the allowances.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    rustdoc::all
)]

include!(concat!(env!("OUT_DIR"), "/packages.rs"));
