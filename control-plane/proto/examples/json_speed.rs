//! How long events take to write and calls to read, on one core:
//! `cargo run --release -p insula-proto --example json_speed`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use insula_proto::mesos::v1::scheduler::{Call, Event};
use insula_proto::{decode_json, decode_protobuf, encode_json};
use prost::Message;

const UPDATE: &str = r#"{"type":"UPDATE","update":{"status":{"task_id":{"value":"t1"},
    "state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","agent_id":{"value":"a1"},
    "timestamp":1795328180.7424498,"uuid":"mbaRE4vNS1eLb8FGYb8uyA=="}}}"#;

const OFFER: &str = r#"{"id":{"value":"7-000000000000feed"},"framework_id":{"value":"f"},
    "agent_id":{"value":"a1"},"hostname":"localhost","resources":[
    {"name":"cpus","type":"SCALAR","scalar":{"value":4.0},"allocation_info":{"role":"r"}},
    {"name":"mem","type":"SCALAR","scalar":{"value":4096.0},"allocation_info":{"role":"r"}},
    {"name":"disk","type":"SCALAR","scalar":{"value":10000.0},"allocation_info":{"role":"r"}},
    {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":32000}]},
     "allocation_info":{"role":"r"}}],"allocation_info":{"role":"r"}}"#;

const TASK: &str = r#"{"name":"n","task_id":{"value":"t"},"agent_id":{"value":"a1"},"resources":[
    {"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},
    {"name":"mem","type":"SCALAR","scalar":{"value":32}}],"command":{"value":"true"}}"#;

fn main() {
    let update: Event = decode_json(UPDATE.as_bytes()).unwrap();
    measure("write an UPDATE", || encode_json(&update));

    let offers = vec![OFFER; 100].join(",");
    let offers = format!(r#"{{"type":"OFFERS","offers":{{"offers":[{offers}]}}}}"#);
    let event: Event = decode_json(offers.as_bytes()).unwrap();
    measure("write OFFERS with 100 offers", || encode_json(&event));

    let tasks = vec![TASK; 100].join(",");
    let accept = format!(
        r#"{{"type":"ACCEPT","framework_id":{{"value":"f"}},"accept":{{"offer_ids":[{{"value":"o"}}],
        "operations":[{{"type":"LAUNCH","launch":{{"task_infos":[{tasks}]}}}}]}}}}"#
    );
    measure("read an ACCEPT of 100 tasks in JSON", || {
        decode_json::<Call>(accept.as_bytes())
    });
    let protobuf = decode_json::<Call>(accept.as_bytes())
        .unwrap()
        .encode_to_vec();
    measure("read an ACCEPT of 100 tasks in protobuf", || {
        decode_protobuf::<Call>(&protobuf)
    });
}

fn measure<T>(what: &str, mut work: impl FnMut() -> T) {
    let (start, mut rounds) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs(1) {
        for _ in 0..10 {
            black_box(work());
        }
        rounds += 10;
    }
    println!(
        "{what}: {:.2} µs",
        start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
    );
}
