#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs, io};

use insula_kernel::Input;
use insula_types::TraceContext;
use insula_types::message::FromAgent;

use super::{PAYLOAD_BYTES_MAX, ToGateway, ToOwner, WireError, names, samples};
use crate::link::way::parcel;

/// Set to anything, it makes the fixtures that are missing. None is ever written again: version 1 is
/// what it was.
const WRITE: &str = "INSULA_WRITE_FIXTURES";

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/link-v1")
}

/// The payload of that name as it was written when its variant was new.
fn fixture(name: &str, today: &[u8]) -> Vec<u8> {
    let path = fixtures().join(format!("{name}.msgpack"));
    match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && env::var_os(WRITE).is_some() => {
            fs::write(&path, today).unwrap();
            today.to_vec()
        }
        Err(error) => panic!(
            "cannot read {}: {error}; if the variant is new, make its fixture with {WRITE}=1 and keep it",
            path.display()
        ),
    }
}

#[test]
fn todays_build_reads_what_version_1_wrote_to_owners() {
    for sample in samples::to_owner() {
        let name = names::to_owner(&sample);
        let written = fixture(&name, &sample.encode().unwrap());
        assert_eq!(ToOwner::decode(&written).unwrap(), sample, "{name}");
    }
}

#[test]
fn todays_build_reads_what_version_1_wrote_to_gateways() {
    for sample in samples::to_gateway() {
        let name = names::to_gateway(&sample);
        let written = fixture(&name, &sample.encode().unwrap());
        assert_eq!(ToGateway::decode(&written).unwrap(), sample, "{name}");
    }
}

#[test]
fn every_fixture_has_its_sample() {
    let mut named: Vec<String> = samples::to_owner().iter().map(names::to_owner).collect();
    named.extend(samples::to_gateway().iter().map(names::to_gateway));
    let distinct: BTreeSet<String> = named.iter().cloned().collect();
    assert_eq!(distinct.len(), named.len(), "two samples share a fixture");

    let kept: BTreeSet<String> = fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|file| file.trim_end_matches(".msgpack").to_owned())
        .collect();
    assert_eq!(kept, distinct);
}

#[test]
fn what_is_written_reads_back_as_it_was() {
    for sample in samples::to_owner() {
        assert_eq!(ToOwner::decode(&sample.encode().unwrap()).unwrap(), sample);
    }
    for sample in samples::to_gateway() {
        assert_eq!(
            ToGateway::decode(&sample.encode().unwrap()).unwrap(),
            sample
        );
    }
}

#[test]
fn a_field_of_a_newer_version_is_ignored_and_a_missing_one_filled_in() {
    #[derive(serde::Serialize)]
    enum Newer {
        Applied { seq: u64, since: Vec<u64> },
        Welcome {},
    }
    let applied = rmp_serde::to_vec_named(&Newer::Applied {
        seq: 3,
        since: vec![1, 2],
    });
    assert_eq!(
        ToGateway::decode(&applied.unwrap()).unwrap(),
        ToGateway::Applied { seq: 3 }
    );
    let welcome = rmp_serde::to_vec_named(&Newer::Welcome {}).unwrap();
    assert_eq!(
        ToGateway::decode(&welcome).unwrap(),
        ToGateway::Welcome { marks: Vec::new() }
    );
}

#[test]
fn a_variant_of_a_newer_version_is_an_error_and_not_a_guess() {
    let unknown = rmp_serde::to_vec_named(&("Rebalance", 1)).unwrap();
    assert!(matches!(
        ToGateway::decode(&unknown),
        Err(WireError::Decode(_))
    ));
}

/// Every truncation and every flipped byte of every sample: the reader answers, whatever it is.
#[test]
fn damaged_bytes_never_panic() {
    let owners = samples::to_owner()
        .into_iter()
        .map(|sample| sample.encode());
    let gateways = samples::to_gateway()
        .into_iter()
        .map(|sample| sample.encode());
    for payload in owners.chain(gateways) {
        let payload = payload.unwrap();
        for end in 0..payload.len() {
            assert!(ToOwner::decode(&payload[..end]).is_err());
            assert!(ToGateway::decode(&payload[..end]).is_err());
        }
        for at in 0..payload.len() {
            for flip in [0x01, 0x40, 0x80, 0xff] {
                let mut damaged = payload.to_vec();
                damaged[at] ^= flip;
                // Some damage is still a payload; only a panic would be wrong.
                let _ = ToOwner::decode(&damaged);
                let _ = ToGateway::decode(&damaged);
            }
        }
    }
}

#[test]
fn claimed_lengths_and_depths_take_no_memory_and_no_stack() {
    let map_of_four_billion = [0xdf, 0xff, 0xff, 0xff, 0xff];
    let array_of_four_billion = [
        0x81, 0xa7, b'W', b'e', b'l', b'c', b'o', b'm', b'e', 0xdd, 0xff, 0xff, 0xff, 0xff,
    ];
    let nested = vec![0x91; 1 << 20];
    for hostile in [&map_of_four_billion[..], &array_of_four_billion, &nested] {
        assert!(ToOwner::decode(hostile).is_err());
        assert!(ToGateway::decode(hostile).is_err());
    }
}

#[test]
fn a_payload_over_the_limit_is_refused_unread() {
    let huge = vec![0; PAYLOAD_BYTES_MAX + 1];
    assert!(matches!(
        ToOwner::decode(&huge),
        Err(WireError::TooLarge { .. })
    ));
}

/// Whose context an input travels with, as the gateways give it. Exhaustive on purpose: a new input
/// does not compile before somebody has said so.
fn context_of(input: &Input) -> &'static str {
    match input {
        Input::Call { .. }
        | Input::Submit { .. }
        | Input::Withdraw { .. }
        | Input::DiscardHeld { .. }
        | Input::SetRole { .. } => "request",
        Input::Subscribe(_) | Input::FrameworkDisconnected { .. } | Input::MarkReached { .. } => {
            "framework session"
        }
        Input::Agent { message, .. } => match message {
            FromAgent::Update { .. } => "task",
            FromAgent::Register(_) | FromAgent::Message { .. } | FromAgent::Alive { .. } => {
                "agent session"
            }
        },
        Input::AgentDisconnected { .. } => "agent session",
        // No gateway says these.
        Input::Timer | Input::Excused(_) => "owner",
    }
}

#[test]
fn no_input_travels_without_a_context() {
    let cell = "cell".into();
    let given = TraceContext::start(7, 8, true);
    let mut seen = BTreeSet::new();
    for sample in samples::to_owner() {
        let ToOwner::Input { request, input } = sample else {
            continue;
        };
        seen.insert(context_of(&input));
        let with = parcel(&cell, &given, request, input.clone()).unwrap();
        assert_eq!(with.trace, given, "{input:?}");
        let without = parcel(&cell, &TraceContext::default(), request, input).unwrap();
        assert!(!without.trace.is_empty());
    }
    let all = [
        "agent session",
        "framework session",
        "owner",
        "request",
        "task",
    ];
    assert_eq!(seen, BTreeSet::from(all));
}
