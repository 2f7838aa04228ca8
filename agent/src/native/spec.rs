//! A command task as the shepherd starts it.

use std::collections::BTreeMap;

use insula_isolation::cgroup::GroupName;
use insula_proto::convert::resources::scalar_from_wire;
use insula_proto::mesos::v1::{CommandInfo, TaskInfo};
use insula_types::message::Launch;
use insula_types::resources::{Millis, Scalar};

use crate::error::sentence;
use crate::shepherd::{Kind, Limits, Run, StartSpec, Stdin};
use crate::task::{Sandbox, environment};

/// Where programs are looked for unless the framework says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// More processes and threads than any ordinary program has, and few enough that a task that forks
/// without end leaves the machine usable.
const PROCESSES_MAX: u64 = 4_096;

/// The shepherd reads no longer requests than 1 MiB, and the kernel starts hardly anything that is
/// longer.
const SPEC_BYTES_MAX: usize = 1_000_000;

/// # Errors
/// A sentence saying why the task can never start.
pub(super) fn start_spec(
    launch: &Launch,
    info: &TaskInfo,
    sandbox: &Sandbox,
) -> Result<StartSpec, String> {
    let command = info
        .command
        .as_ref()
        .ok_or("the task names no command to run")?;
    let mut env = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
    env.extend(environment(
        launch,
        sandbox.path(),
        command.environment.as_ref(),
    )?);
    let spec = StartSpec {
        id: launch.launch.to_string(),
        kind: Kind::Task,
        run: run(command)?,
        env: env.into_iter().collect(),
        cwd: sandbox.path().to_owned(),
        stdin: Stdin::Null,
        stdout: sandbox.stdout(),
        stderr: sandbox.stderr(),
        limits: limits(launch, info),
        user: (!launch.user.is_empty()).then(|| launch.user.clone()),
        cgroup: group_name(&launch.launch.to_string())?,
        trace: launch.trace.clone(),
    };
    match serde_json::to_vec(&spec) {
        Ok(request) if request.len() <= SPEC_BYTES_MAX => Ok(spec),
        Ok(request) => Err(format!(
            "the task's command and environment take {} bytes; at most {SPEC_BYTES_MAX} are accepted",
            request.len()
        )),
        Err(error) => Err(format!(
            "the task cannot be described to the shepherd: {error}"
        )),
    }
}

/// The name of the control group of a process with this id; the kernel keeps names with a dot for
/// its own files.
pub(crate) fn group_name(id: &str) -> Result<GroupName, String> {
    id.replace('.', "-")
        .parse()
        .map_err(|error| sentence(&error))
}

fn run(command: &CommandInfo) -> Result<Run, String> {
    let value = command.value();
    if value.is_empty() {
        return Err("the task's command is empty".to_owned());
    }
    if command.shell() {
        return Ok(Run::Shell(value.to_owned()));
    }
    // `arguments` begins with the name that the program is called by, which is `value` here.
    let arguments = command.arguments.iter().skip(1).cloned();
    Ok(Run::Argv(
        [value.to_owned()].into_iter().chain(arguments).collect(),
    ))
}

/// What the task reserved is what it may use, unless its `limits` let it go above that.
fn limits(launch: &Launch, info: &TaskInfo) -> Limits {
    let reserved = |scalar| Some(launch.resources.get(scalar)).filter(|millis| *millis > 0);
    let most = |scalar: Scalar| match info.limits.get(scalar.name()) {
        None => reserved(scalar),
        Some(limit) if limit.value.is_infinite() => None,
        Some(limit) => scalar_from_wire(limit.value)
            .ok()
            .or_else(|| reserved(scalar)),
    };
    let cpu_millis = reserved(Scalar::Cpus);
    Limits {
        cpu_millis,
        cpu_quota_millis: cpu_millis.and(most(Scalar::Cpus)),
        mem_bytes: most(Scalar::Mem).map(bytes_of_mebibytes),
        pids: Some(PROCESSES_MAX),
    }
}

/// Bytes of thousandths of a mebibyte.
pub(crate) fn bytes_of_mebibytes(millis: Millis) -> u64 {
    let bytes = u128::from(millis) * (1 << 20) / 1000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_proto::decode_json;
    use insula_types::{Epoch, FrameworkKey, LaunchId, TaskKind, TraceContext};

    fn launch() -> Launch {
        Launch {
            launch: LaunchId {
                epoch: Epoch(0x1f),
                number: 3,
            },
            framework: FrameworkKey {
                tenant: "default".into(),
                framework: "f".into(),
            },
            task: "t".into(),
            kind: TaskKind::Native,
            resources: "cpus:0.5;mem:64".parse().unwrap(),
            user: String::new(),
            payload: bytes::Bytes::new(),
            trace: TraceContext::start(1, 2, true),
        }
    }

    fn info(rest: &str) -> TaskInfo {
        let json = format!(
            r#"{{"name":"n","task_id":{{"value":"t"}},"agent_id":{{"value":"a"}},{rest}}}"#
        );
        decode_json(json.as_bytes()).unwrap()
    }

    fn spec(rest: &str) -> Result<StartSpec, String> {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::create(dir.path().join("1f.3"), "").unwrap();
        start_spec(&launch(), &info(rest), &sandbox)
    }

    fn variable<'a>(spec: &'a StartSpec, name: &str) -> Option<&'a str> {
        let found = spec.env.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_shell_command_runs_in_its_sandbox_with_its_limits() {
        let spec = spec(r#""command":{"value":"echo $A","environment":{"variables":[{"name":"A","value":"b"}]}}"#).unwrap();
        assert_eq!(spec.run, Run::Shell("echo $A".to_owned()));
        assert_eq!(spec.id, "1f.3");
        assert_eq!(spec.cgroup.as_str(), "1f-3");
        assert_eq!(spec.limits.cpu_millis, Some(500));
        assert_eq!(spec.limits.cpu_quota_millis, Some(500));
        assert_eq!(spec.limits.mem_bytes, Some(64 << 20));
        assert_eq!(variable(&spec, "A"), Some("b"));
        assert_eq!(variable(&spec, "PATH"), Some(PATH));
        assert_eq!(variable(&spec, "MESOS_SANDBOX"), spec.cwd.to_str());
        assert_eq!(variable(&spec, "INSULA_LAUNCH_ID"), Some("1f.3"));
        assert!(variable(&spec, "TRACEPARENT").unwrap().starts_with("00-"));
        assert_eq!(
            variable(&spec, "HOME"),
            None,
            "nothing of the agent's own is passed on"
        );
    }

    #[test]
    fn an_argument_vector_begins_with_the_program() {
        let command = r#""command":{"shell":false,"value":"/bin/echo","arguments":["echo","x"]}"#;
        let argv = ["/bin/echo", "x"].map(str::to_owned).to_vec();
        assert_eq!(spec(command).unwrap().run, Run::Argv(argv));
    }

    #[test]
    fn a_task_may_be_let_above_what_it_reserved() {
        let spec = spec(
            r#""command":{"value":"true"},"limits":{"cpus":{"value":2},"mem":{"value":"Infinity"}}"#,
        )
        .unwrap();
        assert_eq!(spec.limits.cpu_millis, Some(500));
        assert_eq!(spec.limits.cpu_quota_millis, Some(2000));
        assert_eq!(spec.limits.mem_bytes, None);
    }

    #[test]
    fn a_variable_of_the_framework_cannot_pose_as_one_of_ours() {
        let spec = spec(r#""command":{"value":"true","environment":{"variables":[{"name":"INSULA_TASK_ID","value":"other"}]}}"#).unwrap();
        assert_eq!(variable(&spec, "INSULA_TASK_ID"), Some("t"));
    }

    #[test]
    fn what_cannot_run_says_why() {
        assert!(
            spec(r#""command":{"value":""}"#)
                .unwrap_err()
                .contains("empty")
        );
        assert!(spec(r#""labels":{}"#).unwrap_err().contains("no command"));
        let secret = r#""command":{"value":"true","environment":{"variables":[{"name":"S","type":"SECRET","secret":{"type":"VALUE","value":{"data":"aGk="}}}]}}"#;
        assert!(spec(secret).unwrap_err().contains("secret"));
        let long = format!(
            r#""command":{{"value":"echo {}"}}"#,
            "x".repeat(SPEC_BYTES_MAX)
        );
        assert!(spec(&long).unwrap_err().contains("at most 1000000"));
        for (part, word) in [
            (
                r#""executor":{"executor_id":{"value":"e"}}"#,
                "custom executor",
            ),
            (r#""container":{"type":"MESOS"}"#, "container"),
            (
                r#""command":{"value":"true","uris":[{"value":"http://x"}]}"#,
                "files to fetch",
            ),
            (r#""health_check":{"type":"TCP"}"#, "health checks"),
        ] {
            assert!(
                crate::task::unsupported(&info(part))
                    .unwrap()
                    .contains(word),
                "{part}"
            );
        }
    }
}
