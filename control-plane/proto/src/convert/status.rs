//! Status updates of tasks.

use bytes::Bytes;
use insula_types::ids::IdError;
use insula_types::task::AgentTimes;
use insula_types::{
    AgentId, ExecutorId, Reason, Source, TaskId, TaskState, TaskStatus, Time, UpdateUuid,
};
use prost::Message as _;

use crate::mesos::v1;

/// Why a status cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// An id breaks the rules.
    #[error("the status names an invalid {what}: {source}")]
    Id {
        /// Which id.
        what: &'static str,
        /// The rule.
        source: IdError,
    },
    /// The state is none that exists.
    #[error("the status has an unknown state, number {0}")]
    State(i32),
    /// The uuid is not sixteen bytes long.
    #[error("Not a valid UUID")]
    Uuid,
}

/// A status as frameworks and executors see it.
///
/// What the kernel does not read (container status, labels, health) comes from `status.extra`.
#[must_use]
pub fn to_wire(status: &TaskStatus) -> v1::TaskStatus {
    // `extra` was encoded by `from_wire`; what cannot be decoded is nothing that a state depends on.
    let extra = v1::TaskStatus::decode(status.extra.clone()).unwrap_or_default();
    v1::TaskStatus {
        task_id: v1::TaskId {
            value: status.task.to_string(),
        },
        state: status.state.number(),
        message: some_text(&status.message),
        source: Some(status.source.number()),
        reason: status.reason.map(Reason::number),
        data: (!status.data.is_empty()).then(|| status.data.clone()),
        agent_id: status.agent.as_ref().map(|id| v1::AgentId {
            value: id.to_string(),
        }),
        executor_id: status.executor.as_ref().map(|id| v1::ExecutorId {
            value: id.to_string(),
        }),
        timestamp: Some(status.at.as_secs_f64()),
        uuid: status
            .uuid
            .map(|uuid| Bytes::copy_from_slice(uuid.as_bytes())),
        unreachable_time: status.unreachable_since.map(time_to_wire),
        ..extra
    }
}

/// Reads a status, mostly of an executor. `received` is the time of a status without one.
///
/// A source that is absent or unknown is the executor, a reason that is unknown is none.
///
/// # Errors
/// [`StatusError`], for the first thing that is wrong.
pub fn from_wire(status: &v1::TaskStatus, received: Time) -> Result<TaskStatus, StatusError> {
    let id = |what| move |source| StatusError::Id { what, source };
    let state = TaskState::from_number(status.state).ok_or(StatusError::State(status.state))?;
    let agent = status.agent_id.as_ref().map(|id| AgentId::new(&id.value));
    let executor = status
        .executor_id
        .as_ref()
        .map(|id| ExecutorId::new(&id.value));
    let uuid = status.uuid.as_deref();
    Ok(TaskStatus {
        task: TaskId::new(&status.task_id.value).map_err(id("task id"))?,
        state,
        source: status
            .source
            .and_then(Source::from_number)
            .unwrap_or(Source::Executor),
        reason: status.reason.and_then(Reason::from_number),
        message: status.message().to_owned(),
        agent: agent.transpose().map_err(id("agent id"))?,
        executor: executor.transpose().map_err(id("executor id"))?,
        at: status
            .timestamp
            .and_then(time_from_seconds)
            .unwrap_or(received),
        uuid: uuid
            .map(|bytes| UpdateUuid::from_slice(bytes).ok_or(StatusError::Uuid))
            .transpose()?,
        exit: None,
        unreachable_since: status.unreachable_time.map(time_from_wire),
        data: status.data.clone().unwrap_or_default(),
        extra: extra(status),
        on_agent: AgentTimes::default(),
    })
}

/// The fields that the kernel does not read, encoded; empty if there are none.
fn extra(status: &v1::TaskStatus) -> Bytes {
    let extra = v1::TaskStatus {
        healthy: status.healthy,
        check_status: status.check_status,
        labels: status.labels.clone(),
        container_status: status.container_status.clone(),
        limitation: status.limitation.clone(),
        ..v1::TaskStatus::default()
    };
    if extra == v1::TaskStatus::default() {
        Bytes::new()
    } else {
        extra.encode_to_vec().into()
    }
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn time_to_wire(time: Time) -> v1::TimeInfo {
    let nanoseconds = i64::try_from(time.0.saturating_mul(1000)).unwrap_or(i64::MAX);
    v1::TimeInfo { nanoseconds }
}

fn time_from_wire(time: v1::TimeInfo) -> Time {
    Time(u64::try_from(time.nanoseconds / 1000).unwrap_or(0))
}

/// Seconds since 1970 from the wire; nothing if they are before it, or not a number.
fn time_from_seconds(seconds: f64) -> Option<Time> {
    let micros = (seconds * 1e6).round();
    if !micros.is_finite() || micros < 0.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least zero, and `as` saturates"
    )]
    Some(Time(micros as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesos::v1::task_status;
    use crate::{decode_json, encode_json};

    fn read(json: &str) -> Result<TaskStatus, StatusError> {
        from_wire(&decode_json(json.as_bytes()).unwrap(), Time(7))
    }

    #[test]
    fn nothing_is_lost_on_the_way_through() {
        let json = concat!(
            r#"{"task_id":{"value":"t"},"state":"TASK_RUNNING","message":"m","#,
            r#""source":"SOURCE_EXECUTOR","reason":"REASON_TASK_HEALTH_CHECK_STATUS_UPDATED","#,
            r#""data":"aGk=","agent_id":{"value":"a"},"executor_id":{"value":"e"},"#,
            r#""timestamp":1795328180.740442,"uuid":"UtvzgZnvQi2EBSmq+GVkIw==","healthy":true,"#,
            r#""check_status":{"type":"TCP","tcp":{"succeeded":true}},"#,
            r#""labels":{"labels":[{"key":"k","value":"v"}]},"#,
            r#""container_status":{"executor_pid":1},"unreachable_time":{"nanoseconds":5000}}"#
        );
        let status = read(json).unwrap();
        assert_eq!(status.unreachable_since, Some(Time(5)));
        assert_eq!(
            String::from_utf8(encode_json(&to_wire(&status))).unwrap(),
            json
        );
    }

    #[test]
    fn what_is_not_said_is_not_invented() {
        let status = read(r#"{"task_id":{"value":"t"},"state":"TASK_FAILED"}"#).unwrap();
        let mut plain = TaskStatus::new("t".into(), TaskState::Failed, Source::Executor, Time(7));
        assert_eq!(status, plain);
        plain.at = Time(1_500_000);
        assert_eq!(
            String::from_utf8(encode_json(&to_wire(&plain))).unwrap(),
            r#"{"task_id":{"value":"t"},"state":"TASK_FAILED","source":"SOURCE_EXECUTOR","timestamp":1.5}"#
        );
    }

    #[test]
    fn senseless_times_are_replaced() {
        for timestamp in ["-1", r#""Infinity""#, r#""NaN""#] {
            let json = format!(
                r#"{{"task_id":{{"value":"t"}},"state":"TASK_LOST","timestamp":{timestamp}}}"#
            );
            assert_eq!(read(&json).unwrap().at, Time(7), "{timestamp}");
        }
    }

    #[test]
    fn bad_ids_states_and_uuids_are_refused() {
        let refused = |json: &str| read(json).unwrap_err().to_string();
        assert_eq!(
            refused(r#"{"task_id":{"value":""},"state":"TASK_LOST"}"#),
            "the status names an invalid task id: ID must not be empty"
        );
        assert_eq!(
            refused(r#"{"task_id":{"value":"t"},"state":"TASK_LOST","uuid":"AAAA"}"#),
            "Not a valid UUID"
        );
        let unknown = v1::TaskStatus {
            state: 99,
            ..v1::TaskStatus::default()
        };
        assert_eq!(from_wire(&unknown, Time(7)), Err(StatusError::State(99)));
    }

    #[test]
    fn our_words_have_the_numbers_and_names_of_the_wire() {
        for state in TaskState::ALL {
            let wire = v1::TaskState::try_from(state.number()).unwrap();
            assert_eq!(wire.as_str_name(), state.as_str());
        }
        for reason in Reason::ALL {
            let wire = task_status::Reason::try_from(reason.number()).unwrap();
            assert_eq!(wire.as_str_name(), reason.as_str());
        }
        for source in Source::ALL {
            let wire = task_status::Source::try_from(source.number()).unwrap();
            assert_eq!(wire.as_str_name(), source.as_str());
        }
    }
}
