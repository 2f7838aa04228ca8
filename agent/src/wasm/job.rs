//! A launch on its way to an executor.

use std::path::Path;
use std::time::Duration;

use insula_proto::convert::task::is_module_digest;
use insula_proto::insula::wasm::v1;
use insula_types::message::Launch;
use insula_types::resources::Scalar;
use insula_types::{FrameworkKey, LaunchId, TraceContext};

use prost::Message as _;

use super::frame::FRAME_BYTES_MAX;
use crate::native::bytes_of_mebibytes;
use crate::task::{Sandbox, Stdins, description, environment, unsupported};
use crate::work_dir::WorkDir;

/// For a task that reserves no memory: a module has some, so it is let have a little.
const MEMORY_BYTES_LEAST: u64 = 16 << 20;

/// An order and its artifact's path must fit a frame.
const ORDER_BYTES_MAX: usize = FRAME_BYTES_MAX / 2;

/// What it takes to run one launch.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) launch: LaunchId,
    pub(super) framework: FrameworkKey,
    pub(super) trace: TraceContext,
    /// SHA-256 of the module, in hexadecimal.
    pub(super) digest: String,
    /// The executor's order; only the artifact is still open.
    pub(super) order: v1::Launch,
}

/// Reads the description and makes the sandbox.
///
/// # Errors
/// A sentence saying why the task can never run.
pub(super) fn prepare(launch: Launch, dir: &WorkDir, stdins: &Stdins) -> Result<Job, String> {
    let info = description(&launch)?;
    if let Some(sentence) = unsupported(&info) {
        return Err(sentence);
    }
    let wasm = info
        .wasm
        .as_ref()
        .ok_or("the task names no module to run")?;
    if let Some(capability) = wasm.capabilities.first() {
        return Err(format!(
            "the task asks for the host interface '{capability}', which this agent does not have yet"
        ));
    }
    let digest = wasm
        .module
        .strip_prefix("sha256:")
        .filter(|_| is_module_digest(&wasm.module))
        .ok_or_else(|| format!("'{}' does not name a module", wasm.module))?;
    // The guest's root is its own folder; the path on the machine means nothing to it.
    let mut variables = environment(&launch, Path::new("/"), wasm.environment.as_ref())?;
    variables.retain(|name, _| name != "TRACEPARENT" && name != "TRACESTATE");
    // The executor is the agent's user, whoever the task's user is: the sandbox is the wall.
    let sandbox = Sandbox::create(dir.sandbox(launch.launch), "")?;
    let mut stdin = String::new();
    if info.stdin() {
        let fifo = sandbox.stdin()?;
        stdins.open(launch.launch, &fifo)?;
        stdin = fifo.to_string_lossy().into_owned();
    }
    let variable = |(name, value)| v1::EnvironmentVariable { name, value };
    let order = v1::Launch {
        launch_id: launch.launch.to_string(),
        task_id: launch.task.to_string(),
        sandbox: sandbox.path().to_string_lossy().into_owned(),
        artifact: String::new(),
        name: info.name.clone(),
        args: wasm.args.clone(),
        environment: variables.into_iter().map(variable).collect(),
        stdin,
        memory_limit: memory_limit(&launch),
        wall_ms: wasm.wall_seconds.map_or(0, wall_ms),
        output_limit: 0,
        traceparent: launch.trace.traceparent(),
        tracestate: launch.trace.tracestate().to_owned(),
    };
    let length = order.encoded_len();
    if length > ORDER_BYTES_MAX {
        return Err(format!(
            "the task's arguments and environment take {length} bytes; at most {ORDER_BYTES_MAX} are accepted"
        ));
    }
    Ok(Job {
        launch: launch.launch,
        framework: launch.framework,
        trace: launch.trace,
        digest: digest.to_owned(),
        order,
    })
}

fn memory_limit(launch: &Launch) -> u64 {
    bytes_of_mebibytes(launch.resources.get(Scalar::Mem)).max(MEMORY_BYTES_LEAST)
}

/// Milliseconds, at least one, since zero would mean no limit.
fn wall_ms(seconds: f64) -> u64 {
    let wall = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    u64::try_from(wall.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_proto::decode_json;
    use insula_proto::mesos::v1::TaskInfo;
    use insula_types::{Epoch, TaskKind};

    fn prepared(rest: &str) -> Result<Job, String> {
        let json = format!(
            r#"{{"name":"n","task_id":{{"value":"t"}},"agent_id":{{"value":"a"}},{rest}}}"#
        );
        let info: TaskInfo = decode_json(json.as_bytes()).unwrap();
        let launch = Launch {
            launch: LaunchId {
                epoch: Epoch(1),
                number: 2,
            },
            framework: FrameworkKey {
                tenant: "default".into(),
                framework: "f".into(),
            },
            task: "t".into(),
            kind: TaskKind::Wasm,
            resources: "cpus:0.1;mem:64".parse().unwrap(),
            user: "nobody".to_owned(),
            payload: info.encode_to_vec().into(),
            trace: TraceContext::start(1, 2, true),
        };
        let root = tempfile::tempdir().unwrap();
        let dir = WorkDir::open(root.path()).unwrap();
        prepare(launch, &dir, &Stdins::default())
    }

    #[test]
    fn a_description_becomes_an_order() {
        let hex = "ab".repeat(32);
        let job = prepared(&format!(
            r#""wasm":{{"module":"sha256:{hex}","args":["x"],"wall_seconds":1.5}}"#
        ))
        .unwrap();
        assert_eq!(job.digest, hex);
        assert_eq!(job.order.args, ["x"]);
        assert_eq!(
            (job.order.memory_limit, job.order.wall_ms),
            (64 << 20, 1500)
        );
        assert!(
            job.order
                .environment
                .iter()
                .any(|variable| variable.name == "INSULA_TASK_ID")
        );
        assert!(
            job.order
                .environment
                .iter()
                .all(|variable| variable.name != "TRACEPARENT")
        );
        assert!(job.order.traceparent.starts_with("00-"));
    }

    #[test]
    fn what_cannot_run_says_why() {
        assert!(
            prepared(r#""command":{"value":"true"}"#)
                .unwrap_err()
                .contains("no module")
        );
        let bad = prepared(r#""wasm":{"module":"hello"}"#).unwrap_err();
        assert!(bad.contains("'hello'"), "{bad}");
        let hex = "ab".repeat(32);
        let asks = prepared(&format!(
            r#""wasm":{{"module":"sha256:{hex}","capabilities":["wasi:keyvalue"]}}"#
        ));
        assert!(asks.unwrap_err().contains("wasi:keyvalue"));
    }
}
