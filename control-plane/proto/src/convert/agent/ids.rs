//! Ids, watermarks and trace contexts.

use bytes::Bytes;
use insula_types::message::Watermark;
use insula_types::{
    Epoch, FrameworkId, FrameworkKey, LaunchId, TaskId, TenantId, TraceContext, UpdateUuid,
};

use super::AgentProtocolError as Error;
use crate::insula::agent::v1;

/// Makes an error of a broken id rule.
pub(super) fn bad_id(what: &'static str) -> impl Fn(insula_types::ids::IdError) -> Error {
    move |source| Error::Id { what, source }
}

pub(super) fn launch_to_wire(launch: LaunchId) -> Option<v1::LaunchId> {
    Some(v1::LaunchId {
        epoch: launch.epoch.0,
        number: launch.number,
    })
}

pub(super) fn launch_from_wire(launch: Option<v1::LaunchId>) -> Result<LaunchId, Error> {
    let launch = launch.ok_or(Error::Absent("launch id"))?;
    Ok(LaunchId {
        epoch: Epoch(launch.epoch),
        number: launch.number,
    })
}

pub(super) fn framework_to_wire(key: &FrameworkKey) -> Option<v1::FrameworkKey> {
    Some(v1::FrameworkKey {
        tenant: key.tenant.to_string(),
        framework: key.framework.to_string(),
    })
}

pub(super) fn framework_from_wire(key: Option<v1::FrameworkKey>) -> Result<FrameworkKey, Error> {
    let key = key.ok_or(Error::Absent("framework"))?;
    Ok(FrameworkKey {
        tenant: TenantId::new(&key.tenant).map_err(bad_id("tenant id"))?,
        framework: FrameworkId::new(&key.framework).map_err(bad_id("framework id"))?,
    })
}

pub(super) fn task_from_wire(task: &str) -> Result<TaskId, Error> {
    TaskId::new(task).map_err(bad_id("task id"))
}

pub(super) fn watermark_to_wire(mark: Watermark) -> Option<v1::Watermark> {
    Some(v1::Watermark {
        epoch: mark.epoch.0,
        seq: mark.seq,
    })
}

/// An agent that has obeyed nothing yet may leave it out.
pub(super) fn watermark_from_wire(mark: Option<v1::Watermark>) -> Watermark {
    let mark = mark.unwrap_or_default();
    Watermark {
        epoch: Epoch(mark.epoch),
        seq: mark.seq,
    }
}

/// Absent where nothing is traced.
pub(super) fn trace_to_wire(trace: &TraceContext) -> Option<v1::Trace> {
    let wire = v1::Trace {
        traceparent: trace.traceparent(),
        tracestate: trace.tracestate().to_owned(),
    };
    (!trace.is_empty()).then_some(wire)
}

pub(super) fn trace_from_wire(trace: Option<v1::Trace>) -> TraceContext {
    let trace = trace.unwrap_or_default();
    TraceContext::parse(&trace.traceparent, &trace.tracestate)
}

pub(super) fn uuid_to_wire(uuid: UpdateUuid) -> Bytes {
    Bytes::copy_from_slice(uuid.as_bytes())
}

pub(super) fn uuid_from_wire(bytes: &[u8]) -> Result<UpdateUuid, Error> {
    UpdateUuid::from_slice(bytes).ok_or(Error::Uuid(bytes.len()))
}

/// Empty bytes stand for none.
pub(super) fn some_uuid_from_wire(bytes: &[u8]) -> Result<Option<UpdateUuid>, Error> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        uuid_from_wire(bytes).map(Some)
    }
}
