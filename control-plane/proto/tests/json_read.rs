//! What clients send, and what becomes of it.
#![allow(clippy::unwrap_used, missing_docs)]

use insula_proto::mesos::v1::scheduler::{Call, call};
use insula_proto::mesos::v1::{
    ContainerId, FrameworkInfo, TaskInfo, TaskStatus, health_check, value,
};
use insula_proto::{DecodeError, decode_json, decode_protobuf, encode_json};
use proptest::prelude::*;
use prost::{Message, Name};

fn read<M: Message + Name + Default>(text: &str) -> M {
    decode_json(text.as_bytes()).unwrap()
}

fn refused<M: Message + Name + Default>(text: &str) -> String {
    decode_json::<M>(text.as_bytes()).err().unwrap().to_string()
}

fn framework(field: &str) -> String {
    format!(r#"{{"user":"u","name":"n",{field}}}"#)
}

#[test]
fn null_is_an_absent_field() {
    let info: FrameworkInfo = read(&framework(
        r#""id":null,"roles":null,"capabilities":[null],"checkpoint":null"#,
    ));
    let plain = FrameworkInfo {
        user: "u".to_owned(),
        name: "n".to_owned(),
        ..FrameworkInfo::default()
    };
    assert_eq!(info, plain);
    let refusal = refused::<FrameworkInfo>(r#"{"user":null,"name":"n"}"#);
    assert!(
        refusal.ends_with("Missing required fields: user"),
        "{refusal}"
    );
}

#[test]
fn unknown_names_are_passed_over() {
    let info: FrameworkInfo = read(&framework(r#""slave_id":{"value":[1,{"a":null}]},"x":1e3"#));
    assert_eq!(info.name, "n");
}

#[test]
fn names_are_the_declared_ones_only() {
    let info: FrameworkInfo = read(&framework(r#""failoverTimeout":5.0"#));
    assert_eq!(info.failover_timeout, None);
}

#[test]
fn booleans_and_numbers_may_stand_in_strings() {
    let info: FrameworkInfo = read(&framework(
        r#""checkpoint":"true","failover_timeout":"0.5""#,
    ));
    assert_eq!(
        (info.checkpoint, info.failover_timeout),
        (Some(true), Some(0.5))
    );
    assert_eq!(
        refused::<FrameworkInfo>(&framework(r#""checkpoint":"yes""#)),
        "Failed to convert JSON into FrameworkInfo protobuf: \
         Failed to parse 'yes' as a JSON boolean for field 'checkpoint'"
    );
    assert_eq!(
        refused::<FrameworkInfo>(&framework(r#""failover_timeout":"soon""#)),
        "Failed to convert JSON into FrameworkInfo protobuf: \
         Failed to parse 'soon' as a JSON number for field 'failover_timeout'"
    );
}

#[test]
fn one_value_may_stand_for_a_list_of_one() {
    let info: FrameworkInfo = read(&framework(
        r#""roles":"r","capabilities":{"type":"MULTI_ROLE"}"#,
    ));
    assert_eq!(
        (info.roles, info.capabilities.len()),
        (vec!["r".to_owned()], 1)
    );
}

#[test]
fn integers_are_read_from_numbers_and_strings() {
    let range = |text| decode_json::<value::Range>(text);
    let largest = br#"{"begin":18446744073709551615,"end":"18446744073709551615"}"#;
    assert_eq!(
        range(largest),
        Ok(value::Range {
            begin: u64::MAX,
            end: u64::MAX
        })
    );
    assert_eq!(
        range(br#"{"begin":31000.0,"end":3.2e4}"#),
        Ok(value::Range {
            begin: 31000,
            end: 32000
        })
    );
    assert!(range(br#"{"begin":-1,"end":5}"#).is_err());
    assert!(range(br#"{"begin":1,"end":1e30}"#).is_err());
    let health: health_check::HttpCheckInfo = read(r#"{"port":80,"statuses":["200",404]}"#);
    assert_eq!(health.statuses, [200, 404]);
    assert_eq!(
        refused::<health_check::HttpCheckInfo>(r#"{"port":4294967296}"#),
        "Failed to convert JSON into HTTPCheckInfo protobuf: \
         The number 4294967296 is out of range for field 'port'"
    );
}

#[test]
fn infinity_is_a_double() {
    let task = |limit| {
        format!(
            r#"{{"name":"n","task_id":{{"value":"t"}},"agent_id":{{"value":"a"}},
                "limits":{{"mem":{{"value":{limit}}},"cpus":null}}}}"#
        )
    };
    let limits = |limit| read::<TaskInfo>(&task(limit)).limits;
    assert_eq!(limits(r#""Infinity""#)["mem"].value, f64::INFINITY);
    assert_eq!(limits(r#""-Infinity""#)["mem"].value, f64::NEG_INFINITY);
    assert_eq!(limits("7").len(), 1, "an entry that is null is absent");
}

#[test]
fn durations_have_no_form_of_their_own() {
    let kill = |grace| {
        format!(r#"{{"task_id":{{"value":"t"}},"kill_policy":{{"grace_period":{grace}}}}}"#)
    };
    let read: call::Kill = read(&kill(r#"{"nanoseconds":5}"#));
    assert_eq!(
        read.kill_policy.unwrap().grace_period.unwrap().nanoseconds,
        5
    );
    assert_eq!(
        refused::<call::Kill>(&kill(r#""30s""#)),
        "Failed to convert JSON into Kill protobuf: \
         Not expecting a JSON string for field 'grace_period'"
    );
}

#[test]
fn an_unknown_enumeration_value_unsets_what_is_optional() {
    assert_eq!(read::<Call>(r#"{"type":"FROM_THE_FUTURE"}"#).r#type, None);
    assert_eq!(
        refused::<TaskStatus>(r#"{"task_id":{"value":"t"},"state":"TASK_DREAMING"}"#),
        "Failed to convert JSON into TaskStatus protobuf: Failed to find enum for 'TASK_DREAMING'"
    );
}

#[test]
fn bytes_are_base64_with_or_without_padding() {
    let status =
        |data| format!(r#"{{"task_id":{{"value":"t"}},"state":"TASK_LOST","data":"{data}"}}"#);
    for data in ["aGk=", "aGk"] {
        assert_eq!(read::<TaskStatus>(&status(data)).data.unwrap(), "hi");
    }
    let refusal = refused::<TaskStatus>(&status("!!!"));
    assert!(
        refusal.contains("Failed to base64 decode bytes field 'data': "),
        "{refusal}"
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_named() {
    for (field, sentence) in [
        (
            r#""checkpoint":1"#,
            "Not expecting a JSON number for field 'checkpoint'",
        ),
        (
            r#""checkpoint":{}"#,
            "Not expecting a JSON object for field 'checkpoint'",
        ),
        (
            r#""hostname":true"#,
            "Not expecting a JSON boolean for field 'hostname'",
        ),
        (
            r#""hostname":["h"]"#,
            "Not expecting a JSON array for field 'hostname'",
        ),
        (r#""id":"f""#, "Not expecting a JSON string for field 'id'"),
        (
            r#""capabilities":{"type":6}"#,
            "Not expecting a JSON number for field 'type'",
        ),
    ] {
        let expected = format!("Failed to convert JSON into FrameworkInfo protobuf: {sentence}");
        assert_eq!(refused::<FrameworkInfo>(&framework(field)), expected);
    }
}

#[test]
fn a_document_is_an_object() {
    for text in ["\"string\"", "[]", "1", "true", "null"] {
        assert_eq!(
            refused::<Call>(text),
            "Failed to convert JSON into Call protobuf: Expecting a JSON object"
        );
    }
}

#[test]
fn what_is_no_json_is_shown_from_where_it_fails() {
    for (text, sentence) in [
        ("MALFORMED", "syntax error at line 1 near: ALFORMED"),
        (
            "{\n  \"type\": SUBSCRIBE\n}",
            "syntax error at line 2 near: UBSCRIBE",
        ),
        ("{\"type\":\"SUBSCRIBE\"", "syntax error at line 1 near: "),
        ("", "syntax error at line 1 near: "),
        ("{} {}", "syntax error at line 1 near: }"),
        // Wrong in both ways: the syntax comes first.
        ("{\"type\":5,", "syntax error at line 1 near: "),
    ] {
        assert_eq!(
            refused::<Call>(text),
            format!("Failed to parse body into JSON: {sentence}")
        );
    }
    assert!(matches!(
        decode_json::<Call>(b"{\"\xff\":1}"),
        Err(DecodeError::NotJson(_))
    ));
}

#[test]
fn missing_required_fields_are_listed() {
    for (text, fields) in [
        (
            r#"{"type":"SUBSCRIBE","subscribe":{}}"#,
            "subscribe.framework_info",
        ),
        (
            r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"n"}}}"#,
            "subscribe.framework_info.user",
        ),
        (
            r#"{"accept":{"offer_ids":[{"value":"o"},{}],"operations":[{"launch":{"task_infos":[{"name":"t"}]}}]}}"#,
            "accept.offer_ids[1].value, accept.operations[0].launch.task_infos[0].task_id, \
             accept.operations[0].launch.task_infos[0].agent_id",
        ),
    ] {
        assert_eq!(
            refused::<Call>(text),
            format!("Failed to convert JSON into Call protobuf: Missing required fields: {fields}")
        );
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let parents = r#"{"value":"c","parent":"#.repeat(depth);
        format!(r#"{parents}{{"value":"c"}}{}"#, "}".repeat(depth))
    };
    assert!(read::<ContainerId>(&nested(20)).parent.is_some());
    let refusal = refused::<ContainerId>(&nested(80));
    assert!(
        refusal.contains("nested more than 64 levels deep"),
        "{refusal}"
    );
    let lists = format!(
        r#"{{"roles":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(decode_json::<FrameworkInfo>(lists.as_bytes()).is_err());
    let unknown = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(
        decode_json::<Call>(unknown.as_bytes()).is_ok(),
        "what is unknown is not looked into"
    );
}

#[test]
fn size_is_bounded() {
    let mut body = b"{}".to_vec();
    body.resize(insula_proto::decode::BODY_BYTES_MAX + 1, b' ');
    assert_eq!(
        decode_json::<Call>(&body),
        Err(DecodeError::TooLarge(body.len()))
    );
    assert_eq!(
        decode_protobuf::<Call>(&body),
        Err(DecodeError::TooLarge(body.len()))
    );
    let operations = "{},".repeat(300_000);
    let accept = format!(r#"{{"accept":{{"operations":[{operations}{{}}]}}}}"#);
    let refusal = refused::<Call>(&accept);
    assert!(
        refusal.contains("Too large: more than 262144 messages in one"),
        "{refusal}"
    );
}

#[test]
fn protobuf_bodies_are_whole_or_refused_in_one_sentence() {
    let call: Call =
        read(r#"{"type":"KILL","framework_id":{"value":"f"},"kill":{"task_id":{"value":"t"}}}"#);
    assert_eq!(decode_protobuf::<Call>(&call.encode_to_vec()), Ok(call));
    // No message at all; then a SUBSCRIBE whose part is empty.
    for body in [&b"MALFORMED"[..], &[0x10, 0x01, 0x1a, 0x00]] {
        let refusal = decode_protobuf::<Call>(body).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "Failed to parse body into Call protobuf"
        );
    }
}

/// JSON-like documents that often meet fields of a call.
fn document() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[A-Z_]{0,12}".prop_map(Into::into),
        Just("SUBSCRIBE".into()),
    ];
    let name = prop::sample::select(vec![
        "type",
        "subscribe",
        "framework_info",
        "user",
        "name",
        "id",
        "value",
        "accept",
        "offer_ids",
        "operations",
        "launch",
        "task_infos",
        "limits",
        "resources",
        "offer_filters",
        "uuid",
        "acknowledge",
        "task_id",
        "agent_id",
        "container_id",
        "parent",
        "scalar",
        "unknown",
    ]);
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|fields| {
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value));
                serde_json::Value::Object(fields.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_json::<Call>(&body);
        if let Ok(call) = decode_protobuf::<Call>(&body) {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&encode_json(&call)).is_ok());
        }
    }

    #[test]
    fn a_document_that_is_a_call_is_the_same_after_writing_and_reading(document in document()) {
        if let Ok(call) = decode_json::<Call>(document.to_string().as_bytes()) {
            prop_assert_eq!(decode_json::<Call>(&encode_json(&call)).unwrap(), call.clone());
            prop_assert_eq!(decode_protobuf::<Call>(&call.encode_to_vec()).unwrap(), call);
        }
    }
}
