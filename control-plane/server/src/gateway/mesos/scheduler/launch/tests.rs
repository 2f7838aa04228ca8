#![allow(clippy::unwrap_used)]

use insula_proto::decode_json;

use super::*;

fn read(fields: &str) -> LaunchTask {
    read_with(fields, false)
}

fn read_with(fields: &str, has_operation_id: bool) -> LaunchTask {
    let json = format!(
        r#"{{"name":"n","task_id":{{"value":"t"}},"agent_id":{{"value":"a"}},"slave_id":{{"value":"a"}},
        "resources":[{{"name":"cpus","type":"SCALAR","scalar":{{"value":"0.5"}}}}]{fields}}}"#
    );
    let info = decode_json(json.as_bytes()).unwrap();
    task(&info, has_operation_id, insula_telemetry::fresh())
}

#[test]
fn a_command_is_a_native_task_and_travels_whole() {
    let task = read(
        r#","command":{"value":"true","user":"bob"},"max_completion_time":{"nanoseconds":5},
        "kill_policy":{"grace_period":{"nanoseconds":7}}"#,
    );
    assert_eq!(task.invalid, None);
    assert_eq!((task.task.as_str(), task.agent.as_str()), ("t", "a"));
    assert_eq!((&*task.name, &*task.user), ("n", "bob"));
    assert_eq!(task.kind, TaskKind::Native);
    assert_eq!(task.resources.to_string(), "cpus:0.5");
    let payload = TaskInfo::decode(task.payload).unwrap();
    assert_eq!(payload.max_completion_time.unwrap().nanoseconds, 5);
    assert_eq!(
        payload
            .kill_policy
            .unwrap()
            .grace_period
            .unwrap()
            .nanoseconds,
        7
    );
}

#[test]
fn a_module_is_a_wasm_task() {
    let module = format!("sha256:{}", "0".repeat(64));
    let task = read(&format!(r#","wasm":{{"module":"{module}"}}"#));
    assert_eq!((task.kind, task.invalid), (TaskKind::Wasm, None));
}

#[test]
fn what_is_not_supported_is_said_and_not_ignored() {
    for (fields, sentence) in [
        (
            r#","executor":{"executor_id":{"value":"e"},"command":{"value":"./run"}}"#,
            "Custom executors are not supported yet; describe the task with 'command' instead",
        ),
        (
            r#","command":{"value":"true"},"container":{"type":"MESOS"}"#,
            "Containers are not supported yet; leave 'container' out and use what the agent has",
        ),
        (
            r#","command":{"value":"true","uris":[{"value":"http://x/y"}]}"#,
            "Fetching 'command.uris' is not supported yet; let the command fetch what it needs",
        ),
        (
            r#","command":{"value":"true","environment":{"variables":[{"name":"A","type":"SECRET",
            "secret":{"type":"VALUE","value":{"data":"aGk="}}}]}}"#,
            "Secrets in the environment are not supported yet; use variables with a value",
        ),
        (
            r#","command":{"value":"true"},"health_check":{"type":"TCP","tcp":{"port":1}}"#,
            "Checks are not supported yet; leave 'health_check' and 'check' out",
        ),
        (
            r#","command":{"value":"true"},"limits":{"cpus":{"value":2}}"#,
            "Limits above the resources of a task are not supported yet; ask for more resources",
        ),
        (
            r#","command":{"shell":true}"#,
            "Task's `CommandInfo` is invalid: 'value' must be set",
        ),
        (
            "",
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
        ),
    ] {
        assert_eq!(read(fields).invalid.as_deref(), Some(sentence), "{fields}");
    }
    let with_id = read_with(r#","command":{"value":"true"}"#, true)
        .invalid
        .unwrap();
    assert!(with_id.starts_with("Operation ids are not supported on LAUNCH"));
}

#[test]
fn an_id_that_is_none_is_still_named_in_the_answer() {
    let info = TaskInfo {
        task_id: insula_proto::mesos::v1::TaskId {
            value: "a/b".to_owned(),
        },
        ..TaskInfo::default()
    };
    let task = task(&info, false, insula_telemetry::fresh());
    assert_eq!(task.task.as_str(), "a/b");
    assert_eq!(
        task.invalid.as_deref(),
        Some("'a/b' contains invalid characters")
    );
}
