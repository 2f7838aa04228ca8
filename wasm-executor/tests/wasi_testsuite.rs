//! The public WASI test suite, preview 1, where `INSULA_WASI_TESTSUITE` names a folder with it.
//!
//! Per test `X.wasm` and perhaps `X.json` with `args`, `env`, `root` (a folder to copy and open as
//! `/`), `exit_code`, `stdout` and `stderr`.
//!
//! Source: <https://github.com/WebAssembly/wasi-testsuite>, branch `prod/testsuite-base`.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use insula_proto::insula::wasm::v1::EnvironmentVariable;
use serde::Deserialize;
use support::Agent;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Spec {
    args: Vec<String>,
    env: BTreeMap<String, String>,
    root: Option<PathBuf>,
    exit_code: i32,
    stdout: Option<String>,
    stderr: Option<String>,
}

#[test]
fn every_test_of_the_suite_passes() {
    let Some(suite) = std::env::var_os("INSULA_WASI_TESTSUITE").map(PathBuf::from) else {
        // Written past the harness's capture, so that it is seen.
        writeln!(
            std::io::stderr(),
            "skipped: WASI test suite: INSULA_WASI_TESTSUITE is not set"
        )
        .unwrap();
        return;
    };
    let (mut agent, _executor) = Agent::with_executor();
    let modules = modules(&suite);
    assert!(
        !modules.is_empty(),
        "no .wasm files below {}",
        suite.display()
    );
    let failures: Vec<_> = modules
        .iter()
        .filter_map(|module| run(&mut agent, module).err())
        .collect();
    writeln!(
        std::io::stderr(),
        "WASI test suite: {} of {} passed",
        modules.len() - failures.len(),
        modules.len()
    )
    .unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn modules(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(modules(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn run(agent: &mut Agent, module: &Path) -> Result<(), String> {
    let spec = match fs::read(module.with_extension("json")) {
        Ok(json) => serde_json::from_slice(&json).unwrap(),
        Err(_) => Spec::default(),
    };
    let mut launch = agent.launch(&fs::read(module).unwrap());
    launch.name = module.file_name().unwrap().to_str().unwrap().to_owned();
    launch.args = spec.args;
    launch.environment = spec
        .env
        .into_iter()
        .map(|(name, value)| EnvironmentVariable { name, value })
        .collect();
    if let Some(root) = &spec.root {
        let from = module.parent().unwrap().join(root);
        copy(&from, &agent.sandbox(&launch.launch_id).join("fs"));
    }
    let end = agent.run(&launch);
    let name = module.display();
    if end.exit_code != Some(spec.exit_code) {
        let stderr = agent.output(&launch.launch_id, "stderr");
        return Err(format!(
            "{name}: {} {:?} {stderr}",
            end.message, end.backtrace
        ));
    }
    for (stream, expected) in [("stdout", spec.stdout), ("stderr", spec.stderr)] {
        let actual = agent.output(&launch.launch_id, stream);
        if expected.is_some_and(|expected| expected != actual) {
            return Err(format!("{name}: {stream} is {actual:?}"));
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = (
            entry.as_ref().unwrap().path(),
            to.join(entry.unwrap().file_name()),
        );
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}
