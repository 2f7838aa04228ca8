//! Mesos frameworks that are not ours run unchanged, to TASK_FINISHED.
//!
//! Ignored unless asked for, because the clients come from PyPI: `infra/test` installs them and
//! asks. Where they cannot be installed, the test runner counts these tests as skipped.

use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs the Mesos client avmesos, which infra/test installs"]
fn avmesos_runs_its_tasks_to_the_end() {
    run("avmesos");
}

#[test]
#[ignore = "needs the Mesos client pymesos, which infra/test installs"]
fn pymesos_runs_its_tasks_to_the_end() {
    run("pymesos");
}

/// Runs the client against an `insula dev` of its own; the script's stderr says what went wrong.
fn run(client: &str) {
    let python = std::env::var("INSULA_MESOS_CLIENTS_PYTHON").unwrap_or_default();
    assert!(
        !python.is_empty(),
        "INSULA_MESOS_CLIENTS_PYTHON is not set: run infra/test, or set it to the path that \
         infra/mesos-clients/install prints"
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/mesos-clients/run");
    let status = Command::new(script)
        .args([client, &python, env!("CARGO_BIN_EXE_insula")])
        .status()
        .expect("the script is part of the checkout");
    assert!(status.success(), "{client} did not run its tasks: {status}");
}
