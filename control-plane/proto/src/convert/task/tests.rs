use super::*;
use crate::decode_json;

const CPU: &str = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1}}"#;
const COMMAND: &str = r#""command":{"value":"true","user":"bob"}"#;

fn read(fields: &str) -> Result<Description, String> {
    let json =
        format!(r#"{{"name":"n","task_id":{{"value":"t"}},"agent_id":{{"value":"a"}},{fields}}}"#);
    from_wire(&decode_json(json.as_bytes()).unwrap()).map_err(|error| error.to_string())
}

/// A task with one cpu and these fields.
fn with_cpu(fields: &str) -> Result<Description, String> {
    read(&format!(r#""resources":[{CPU}],{fields}"#))
}

#[test]
fn a_command_is_a_native_task() {
    let task = with_cpu(COMMAND).unwrap();
    assert_eq!((task.kind, &*task.user), (TaskKind::Native, "bob"));
    assert_eq!(task.resources.to_string(), "cpus:1");
    assert_eq!(task.executor, None);
}

#[test]
fn a_module_is_a_wasm_task() {
    let digest = "ab01".repeat(16);
    let task = with_cpu(&format!(
        r#""wasm":{{"module":"sha256:{digest}","wall_seconds":2}}"#
    ));
    assert_eq!(task.unwrap().kind, TaskKind::Wasm);
}

#[test]
fn an_executor_keeps_its_resources_apart() {
    let task = with_cpu(&format!(
        r#""executor":{{"executor_id":{{"value":"e"}},"command":{{"user":"eve"}},"resources":[{CPU}]}}"#
    ))
    .unwrap();
    let executor = task.executor.unwrap();
    assert_eq!(task.user, "eve");
    assert_eq!(
        (task.resources, executor.resources.to_string()),
        (executor.resources, "cpus:1".to_owned())
    );
}

#[test]
fn what_to_run_is_said_once() {
    let wasm = format!(r#""wasm":{{"module":"sha256:{}"}}"#, "0".repeat(64));
    let executor = r#""executor":{"executor_id":{"value":"e"},"command":{}}"#;
    let command_or_executor =
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present";
    for (fields, sentence) in [
        (r#""data":"""#.to_owned(), command_or_executor),
        (format!("{COMMAND},{executor}"), command_or_executor),
        (
            format!("{COMMAND},{wasm}"),
            "Task should have only WasmInfo present, without CommandInfo or ExecutorInfo",
        ),
    ] {
        assert_eq!(with_cpu(&fields), Err(sentence.to_owned()));
    }
}

#[test]
fn each_fault_has_its_sentence() {
    for (fields, sentence) in [
        (
            r#""kill_policy":{"grace_period":{"nanoseconds":-1}}"#,
            "Task's 'kill_policy.grace_period' must be non-negative",
        ),
        (
            r#""max_completion_time":{"nanoseconds":-1}"#,
            "Task's `max_completion_time` must be non-negative",
        ),
        (
            r#""command":{"environment":{"variables":[{"name":"A"}]}}"#,
            "Task's `CommandInfo` is invalid: \
             Environment variable 'A' of type 'VALUE' must have a value set",
        ),
        (
            r#""wasm":{"module":"hello.wasm"}"#,
            "Task's `WasmInfo` is invalid: module 'hello.wasm' is not of the form \
             sha256:<64 lowercase hexadecimal digits>",
        ),
        (
            r#""limits":{"disk":{"value":1}}"#,
            "Only cpus and mem may be included in a task's resource limits",
        ),
        (
            r#""limits":{"cpus":{"value":0.5}}"#,
            "The cpu limit must be greater than or equal to the cpu request",
        ),
        (
            r#""limits":{"mem":{"value":32}}"#,
            "When a memory limit is specified, a memory request must also be specified",
        ),
        (
            r#""executor":{"executor_id":{"value":"e"}}"#,
            "'ExecutorInfo.command' must be set",
        ),
    ] {
        assert_eq!(with_cpu(fields), Err(sentence.to_owned()), "{fields}");
    }
}

#[test]
fn each_fault_of_the_resources_has_its_sentence() {
    for (fields, sentence) in [
        (COMMAND.to_owned(), "Task uses no resources"),
        (
            r#""resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}]"#.to_owned(),
            "Task uses invalid resources: Invalid resources: \
             Resource 'cpus' is invalid: Invalid scalar resource: value <= 0",
        ),
        (
            r#""resources":[{"name":"gpus","type":"SCALAR","scalar":{"value":0.5}}]"#.to_owned(),
            "Task uses invalid resources: Invalid 'gpus' resource: \
             The 'gpus' resource must be an unsigned integer",
        ),
        (
            r#""resources":[
            {"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"a"}},
            {"name":"mem","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"b"}}]"#
                .to_owned(),
            "Invalid task resources: The resources have multiple allocation roles ('b' and 'a') \
             but only one allocation role is allowed",
        ),
    ] {
        assert_eq!(read(&fields), Err(sentence.to_owned()), "{fields}");
    }
}

#[test]
fn an_executor_cannot_use_the_ports_of_its_task() {
    let ports = |end| {
        format!(
            r#"{{"name":"ports","type":"RANGES","ranges":{{"range":[{{"begin":{end},"end":{end}}}]}}}}"#
        )
    };
    let task = |own, executors| {
        read(&format!(
            r#""resources":[{}],"executor":{{"executor_id":{{"value":"e"}},"command":{{}},"resources":[{}]}}"#,
            ports(own),
            ports(executors)
        ))
    };
    assert!(task(1, 2).is_ok());
    assert_eq!(
        task(1, 1).unwrap_err(),
        "There are overlapping resources in the task resources ports:[1-1] \
         and executor resources ports:[1-1]"
    );
}

#[test]
fn limits_may_be_infinite_and_ids_may_not_be_paths() {
    let limits = r#""limits":{"cpus":{"value":"Infinity"}}"#;
    assert!(with_cpu(&format!("{COMMAND},{limits}")).is_ok());
    let not_a_number = r#""limits":{"cpus":{"value":"NaN"}}"#;
    assert!(with_cpu(&format!("{COMMAND},{not_a_number}")).is_err());
    let mut info: TaskInfo = TaskInfo::default();
    info.task_id.value = "../t".to_owned();
    assert_eq!(
        from_wire(&info).unwrap_err().to_string(),
        "'../t' contains invalid characters"
    );
}

#[test]
fn wall_time_is_a_length_of_time() {
    let digest = "0".repeat(64);
    for (seconds, sound) in [
        ("0.5", true),
        ("0", false),
        ("-1", false),
        (r#""Infinity""#, false),
    ] {
        let wasm = format!(r#""wasm":{{"module":"sha256:{digest}","wall_seconds":{seconds}}}"#);
        assert_eq!(with_cpu(&wasm).is_ok(), sound, "{seconds}");
    }
}

#[test]
fn the_grace_period_is_in_the_policy() {
    let policy = |nanoseconds| KillPolicy {
        grace_period: Some(DurationInfo { nanoseconds }),
    };
    assert_eq!(grace_period(None), None);
    assert_eq!(grace_period(Some(&KillPolicy::default())), None);
    assert_eq!(
        grace_period(Some(&policy(5_000_000))),
        Some(Span::from_millis(5))
    );
    assert_eq!(grace_period(Some(&policy(-1))), Some(Span::ZERO));
}
