//! Events as a Mesos master writes them: same fields, same order, same numbers.
#![allow(clippy::unwrap_used, missing_docs)]

use insula_proto::mesos::v1::scheduler::Event;
use insula_proto::mesos::v1::{
    Environment, FrameworkInfo, MasterInfo, NetworkInfo, TaskInfo, TaskStatus, WasmInfo,
    environment, master_info, value,
};
use insula_proto::{decode_json, encode_json, encode_json_value};
use prost::{Message, Name};

/// Reading a text and writing it again gives the same text.
fn assert_kept<M: Message + Name + Default>(text: &str) {
    let message: M = decode_json(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(encode_json(&message)).unwrap(), text);
}

#[test]
fn subscribed() {
    assert_kept::<Event>(concat!(
        r#"{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"m-0001"},"#,
        r#""heartbeat_interval_seconds":15.0,"master_info":{"id":"m","ip":16777343,"port":5050,"#,
        r#""pid":"master@127.0.0.1:5050","hostname":"localhost","version":"1.11.0","#,
        r#""address":{"hostname":"localhost","ip":"127.0.0.1","port":5050},"#,
        r#""capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{}]}}}"#
    ));
}

#[test]
fn heartbeat() {
    assert_kept::<Event>(r#"{"type":"HEARTBEAT"}"#);
}

#[test]
fn offers_of_both_resource_formats() {
    assert_kept::<Event>(concat!(
        r#"{"type":"OFFERS","offers":{"offers":[{"id":{"value":"m-O4"},"#,
        r#""framework_id":{"value":"m-0001"},"agent_id":{"value":"m-S0"},"hostname":"h","#,
        r#""url":{"scheme":"http","address":{"hostname":"h","ip":"10.0.0.1","port":5051},"#,
        r#""path":"/slave(1)"},"resources":[{"name":"ports","type":"RANGES","#,
        r#""ranges":{"range":[{"begin":31000,"end":32000}]},"role":"*","#,
        r#""allocation_info":{"role":"r"}},{"name":"cpus","type":"SCALAR","#,
        r#""scalar":{"value":2.9},"allocation_info":{"role":"r"}}],"#,
        r#""executor_ids":[{"value":"e1"}],"allocation_info":{"role":"r"}}]}}"#
    ));
}

#[test]
fn update_with_uuid_and_container() {
    assert_kept::<Event>(concat!(
        r#"{"type":"UPDATE","update":{"status":{"task_id":{"value":"t1"},"state":"TASK_STARTING","#,
        r#""source":"SOURCE_EXECUTOR","agent_id":{"value":"m-S0"},"timestamp":1795328180.740442,"#,
        r#""uuid":"UtvzgZnvQi2EBSmq+GVkIw==","container_status":{"container_id":{"value":"c"},"#,
        r#""network_infos":[{"ip_addresses":[{"protocol":"IPv4","ip_address":"127.0.0.1"}]}],"#,
        r#""executor_pid":30193}}}}"#
    ));
}

#[test]
fn reconciliation_update() {
    assert_kept::<Event>(concat!(
        r#"{"type":"UPDATE","update":{"status":{"task_id":{"value":"t1"},"state":"TASK_RUNNING","#,
        r#""message":"Reconciliation: Latest task state","source":"SOURCE_MASTER","#,
        r#""reason":"REASON_RECONCILIATION","agent_id":{"value":"m-S0"},"#,
        r#""executor_id":{"value":"e1"},"timestamp":1795328199.7346802}}}"#
    ));
}

#[test]
fn message_failure_and_error() {
    assert_kept::<Event>(concat!(
        r#"{"type":"MESSAGE","message":{"agent_id":{"value":"a"},"executor_id":{"value":"e"},"#,
        r#""data":"aGVsbG8="}}"#
    ));
    assert_kept::<Event>(concat!(
        r#"{"type":"FAILURE","failure":{"agent_id":{"value":"a"},"#,
        r#""executor_id":{"value":"e"},"status":0}}"#
    ));
    assert_kept::<Event>(r#"{"type":"ERROR","error":{"message":"Framework failed over"}}"#);
}

#[test]
fn defaults_that_were_set_are_written() {
    assert_kept::<FrameworkInfo>(
        r#"{"user":"","name":"","failover_timeout":0.0,"checkpoint":false,"role":"*"}"#,
    );
}

#[test]
fn integers_keep_all_their_digits() {
    assert_kept::<TaskStatus>(concat!(
        r#"{"task_id":{"value":"t"},"state":"TASK_UNREACHABLE","#,
        r#""unreachable_time":{"nanoseconds":1795328032144852993}}"#
    ));
    assert_kept::<value::Range>(r#"{"begin":0,"end":18446744073709551615}"#);
}

#[test]
fn texts_are_escaped() {
    assert_kept::<TaskStatus>(
        r#"{"task_id":{"value":"\"\\\n\u0001é😀"},"state":"TASK_FAILED","data":""}"#,
    );
}

#[test]
fn maps_are_objects_sorted_by_key_with_defaults() {
    let scalar = |value| value::Scalar { value };
    let task = TaskInfo {
        limits: [("mem", f64::INFINITY), ("cpus", 0.0)]
            .map(|(name, limit)| (name.to_owned(), scalar(limit)))
            .into(),
        ..TaskInfo::default()
    };
    assert_eq!(
        encode_json_value(&task)["limits"].to_string(),
        r#"{"cpus":{"value":0.0},"mem":{"value":"Infinity"}}"#
    );
    assert_eq!(decode_json::<TaskInfo>(&encode_json(&task)).unwrap(), task);
}

#[test]
fn an_enumeration_number_without_a_name_is_left_out() {
    let capability = |number| master_info::Capability {
        r#type: Some(number),
    };
    let info = MasterInfo {
        capabilities: vec![capability(1), capability(99)],
        ..MasterInfo::default()
    };
    let json = encode_json_value(&info);
    assert_eq!(
        json["capabilities"].to_string(),
        r#"[{"type":"AGENT_UPDATE"},{}]"#
    );
    let info = NetworkInfo {
        groups: vec!["a".to_owned(), "b".to_owned()],
        ..NetworkInfo::default()
    };
    assert_eq!(
        encode_json_value(&info).to_string(),
        r#"{"groups":["a","b"]}"#
    );
}

#[test]
fn the_wasm_extension_is_a_field_like_any_other() {
    let variable = environment::Variable {
        name: "A".to_owned(),
        value: Some("1".to_owned()),
        ..environment::Variable::default()
    };
    let wasm = WasmInfo {
        module: "sha256:00".to_owned(),
        args: vec!["-v".to_owned()],
        environment: Some(Environment {
            variables: vec![variable],
        }),
        wall_seconds: Some(2.5),
        capabilities: vec!["wasi:logging".to_owned()],
    };
    let task = TaskInfo {
        wasm: Some(wasm),
        ..TaskInfo::default()
    };
    assert_eq!(
        encode_json_value(&task)["wasm"].to_string(),
        concat!(
            r#"{"args":["-v"],"capabilities":["wasi:logging"],"#,
            r#""environment":{"variables":[{"name":"A","value":"1"}]},"#,
            r#""module":"sha256:00","wall_seconds":2.5}"#
        )
    );
}
