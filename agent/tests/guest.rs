//! Isolation and the shepherd on the machines that a host is not: pure cgroup v2, pure v1, and a delegated group.
//!
//! Ignored unless asked for, because the virtual machines need qemu and a kernel: `infra/test` fetches them and asks.
//! Where they cannot be had, the test runner counts these tests as skipped.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs qemu and a guest's kernel, which infra/test fetches"]
fn guest_with_cgroup_v2_as_root() {
    run("v2");
}

#[test]
#[ignore = "needs qemu and a guest's kernel, which infra/test fetches"]
fn guest_with_cgroup_v2_as_a_user() {
    run("delegated");
}

#[test]
#[ignore = "needs qemu and a guest's kernel, which infra/test fetches"]
fn guest_with_cgroup_v1_as_root() {
    run("v1");
}

/// Boots a guest in which the test programs run; what they print is this test's output.
fn run(mode: &str) {
    let programs = std::env::var_os("INSULA_GUEST_PROGRAMS").unwrap_or_default();
    assert!(
        !programs.is_empty(),
        "INSULA_GUEST_PROGRAMS is not set: run infra/test, or infra/guest/run without this test"
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/guest/run");
    let status = Command::new(script).arg(mode).status().unwrap();
    assert!(status.success(), "the guest's tests did not pass: {status}");
}
