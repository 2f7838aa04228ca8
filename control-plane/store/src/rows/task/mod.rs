//! Tasks: live ones for the kernel, all of them for whoever asks.

mod decode;
mod encode;
mod select;

pub(crate) use decode::{decode, decode_payload, decode_payload_of};
pub(crate) use encode::{encode, encode_payload};
pub(crate) use select::{Places, latest, live, page, payload, unconfirmed_payloads};

use super::Table;

pub(crate) const TABLE: Table = Table {
    name: "task",
    key: &["cell", "launch_epoch", "launch_number"],
    // What a launch was accepted with.
    fixed: &[
        "tenant",
        "framework",
        "task",
        "name",
        "kind",
        "run_as",
        "agent",
        "role",
        "launch_seq",
        "attempt",
        "submitted_at_us",
        "accepted_at_us",
        "traceparent",
        "tracestate",
    ],
    latest: &[
        "resources",
        "state",
        "terminal",
        "source",
        "reason",
        "message",
        "status_agent",
        "status_executor",
        "status_at_us",
        "status_uuid",
        "exit_code",
        "exit_signal",
        "unreachable_since_us",
        "data",
        "extra",
        "last_uuid",
        "kill_seq",
        "kill_grace_us",
        "ack_seq",
        "ack_uuid",
        "archived",
        "started_at_us",
        "ended_at_us",
        "acknowledged_at_us",
        "agent_received_at_us",
        "agent_started_at_us",
        "agent_ended_at_us",
        "format_version",
    ],
};

pub(crate) const PAYLOAD: Table = Table {
    name: "task_payload",
    key: &["cell", "launch_epoch", "launch_number"],
    fixed: &[],
    latest: &["payload", "format_version"],
};
