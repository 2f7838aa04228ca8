//! Calls of executors.

use super::{Fault, InvalidCall, check_uuid, present};
use crate::mesos::v1::executor::Call;
use crate::mesos::v1::executor::call::Type;
use crate::mesos::v1::task_status::Source;
use crate::mesos::v1::{CheckStatusInfo, TaskState, TaskStatus, check_info};

/// Checks an executor's call and says of which type it is.
///
/// # Errors
/// [`InvalidCall`] with the first [`Fault`], in the order in which Mesos looks for them.
///
/// Source: `validateExecutorCall` in `src/common/validation.cpp` of Mesos 1.11.
pub fn executor_call(call: &Call) -> Result<Type, InvalidCall> {
    check(call).map_err(|fault| InvalidCall {
        call: "Executor::Call",
        fault,
    })
}

fn check(call: &Call) -> Result<Type, Fault> {
    let r#type = call.r#type.and_then(|number| Type::try_from(number).ok());
    let r#type = r#type.ok_or(Fault::Absent("type"))?;
    match r#type {
        Type::Unknown => return Err(Fault::UnknownType),
        Type::Subscribe => _ = present(call.subscribe.as_ref(), "subscribe")?,
        Type::Update => {
            check_status(call, &present(call.update.as_ref(), "update")?.status)?;
        }
        Type::Message => _ = present(call.message.as_ref(), "message")?,
        Type::Heartbeat => {}
    }
    Ok(r#type)
}

fn check_status(call: &Call, status: &TaskStatus) -> Result<(), Fault> {
    check_uuid(present(status.uuid.as_ref(), "uuid")?)?;
    let executor = &call.executor_id.value;
    if let Some(other) = status
        .executor_id
        .as_ref()
        .filter(|id| id.value != *executor)
    {
        return Err(Fault::ExecutorIdDiffers {
            call: executor.clone(),
            status: other.value.clone(),
        });
    }
    let (executor, framework) = (executor.clone(), call.framework_id.value.clone());
    if status.source() != Source::Executor {
        return Err(Fault::NotFromExecutor {
            executor,
            framework,
        });
    }
    if status.state() == TaskState::TaskStaging {
        return Err(Fault::Staging {
            executor,
            framework,
        });
    }
    status
        .check_status
        .as_ref()
        .map_or(Ok(()), check_check_status)
}

fn check_check_status(check: &CheckStatusInfo) -> Result<(), Fault> {
    use check_info::Type;
    let r#type = check.r#type.and_then(|number| Type::try_from(number).ok());
    match r#type.ok_or(Fault::CheckWithoutType)? {
        Type::Command if check.command.is_none() => {
            Err(Fault::CheckWithoutPart("command", "COMMAND"))
        }
        Type::Http if check.http.is_none() => Err(Fault::CheckWithoutPart("http", "HTTP")),
        Type::Tcp if check.tcp.is_none() => Err(Fault::CheckWithoutPart("tcp", "TCP")),
        Type::Unknown => Err(Fault::CheckOfUnknownType),
        Type::Command | Type::Http | Type::Tcp => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::decode_json;

    fn check(json: &str) -> Result<Type, String> {
        let call = decode_json(json.as_bytes()).unwrap();
        executor_call(&call).map_err(|error| error.to_string())
    }

    fn update(status: &str) -> Result<Type, String> {
        check(&format!(
            r#"{{"executor_id":{{"value":"e"}},"framework_id":{{"value":"f"}},"type":"UPDATE",
                "update":{{"status":{{"task_id":{{"value":"t"}},{status}}}}}}}"#
        ))
        .map_err(|text| {
            text.strip_prefix("Failed to validate Executor::Call: ")
                .unwrap()
                .to_owned()
        })
    }

    const SOUND: &str =
        r#""state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","uuid":"AAAAAAAAAAAAAAAAAAAAAA==""#;

    #[test]
    fn the_part_of_the_type_has_to_be_there() {
        for (r#type, part) in [
            ("SUBSCRIBE", "subscribe"),
            ("UPDATE", "update"),
            ("MESSAGE", "message"),
        ] {
            let call = format!(
                r#"{{"executor_id":{{"value":"e"}},"framework_id":{{"value":"f"}},"type":"{type}"}}"#
            );
            let expected =
                format!("Failed to validate Executor::Call: Expecting '{part}' to be present");
            assert_eq!(check(&call), Err(expected));
        }
        let heartbeat =
            r#"{"executor_id":{"value":"e"},"framework_id":{"value":"f"},"type":"HEARTBEAT"}"#;
        assert_eq!(check(heartbeat), Ok(Type::Heartbeat));
    }

    #[test]
    fn a_sound_update_passes() {
        assert_eq!(update(SOUND), Ok(Type::Update));
        assert_eq!(
            update(&format!(r#"{SOUND},"executor_id":{{"value":"e"}}"#)),
            Ok(Type::Update)
        );
    }

    #[test]
    fn each_fault_of_an_update_has_its_sentence() {
        let refused = |status: String| update(&status).unwrap_err();
        assert_eq!(
            refused(SOUND.replace("AAAAAAAAAAAAAAAAAAAAAA==", "AAAA")),
            "Not a valid UUID"
        );
        assert_eq!(
            refused(r#""state":"TASK_RUNNING","source":"SOURCE_EXECUTOR""#.to_owned()),
            "Expecting 'uuid' to be present"
        );
        assert_eq!(
            refused(SOUND.replace("SOURCE_EXECUTOR", "SOURCE_MASTER")),
            "Received Call from executor e of framework f with invalid source, \
             expecting 'SOURCE_EXECUTOR'"
        );
        assert_eq!(
            refused(SOUND.replace("TASK_RUNNING", "TASK_STAGING")),
            "Received TASK_STAGING from executor e of framework f which is not allowed"
        );
        assert_eq!(
            refused(format!(r#"{SOUND},"executor_id":{{"value":"other"}}"#)),
            "ExecutorID in Call: e does not match ExecutorID in TaskStatus: other"
        );
        assert_eq!(
            refused(format!(r#"{SOUND},"check_status":{{}}"#)),
            "CheckStatusInfo must specify 'type'"
        );
        assert_eq!(
            refused(format!(r#"{SOUND},"check_status":{{"type":"TCP"}}"#)),
            "Expecting 'tcp' to be set for TCP check's status"
        );
        assert_eq!(
            refused(format!(r#"{SOUND},"check_status":{{"type":"UNKNOWN"}}"#)),
            "'UNKNOWN' is not a valid check's status type"
        );
    }
}
