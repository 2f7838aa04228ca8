//! Calls of schedulers.

use super::{Fault, InvalidCall, check_uuid, present};
use crate::mesos::v1::scheduler::Call;
use crate::mesos::v1::scheduler::call::{Subscribe, Type, UpdateFramework};

/// Checks a scheduler's call and says of which type it is.
///
/// `principal` is the name that the caller's credentials proved, if it had any.
///
/// # Errors
/// [`InvalidCall`] with the first [`Fault`], in the order in which Mesos looks for them.
///
/// Source: `scheduler::call::validate` in `src/master/validation.cpp` of Mesos 1.11. There a call of
/// type UNKNOWN passes, and then aborts the master.
pub fn scheduler_call(call: &Call, principal: Option<&str>) -> Result<Type, InvalidCall> {
    check(call, principal).map_err(|fault| InvalidCall {
        call: "scheduler::Call",
        fault,
    })
}

fn check(call: &Call, principal: Option<&str>) -> Result<Type, Fault> {
    // A number that no type has counts as none, as in every proto2 decoder.
    let r#type = call.r#type.and_then(|number| Type::try_from(number).ok());
    let r#type = r#type.ok_or(Fault::Absent("type"))?;
    if r#type == Type::Subscribe {
        check_subscribe(
            call,
            present(call.subscribe.as_ref(), "subscribe")?,
            principal,
        )?;
    } else {
        present(call.framework_id.as_ref(), "framework_id")?;
        check_part(call, r#type)?;
    }
    Ok(r#type)
}

fn check_subscribe(
    call: &Call,
    subscribe: &Subscribe,
    principal: Option<&str>,
) -> Result<(), Fault> {
    let info = &subscribe.framework_info;
    if info.id.clone().unwrap_or_default() != call.framework_id.clone().unwrap_or_default() {
        return Err(Fault::FrameworkIdDiffers("subscribe"));
    }
    match (principal, &info.principal) {
        (Some(authenticated), Some(claimed)) if authenticated != claimed => {
            Err(Fault::PrincipalDiffers {
                authenticated: authenticated.to_owned(),
                claimed: claimed.clone(),
            })
        }
        _ => Ok(()),
    }
}

fn check_part(call: &Call, r#type: Type) -> Result<(), Fault> {
    match r#type {
        Type::Unknown => return Err(Fault::UnknownType),
        Type::Subscribe | Type::Teardown | Type::Revive | Type::Suppress => {}
        Type::Accept => _ = present(call.accept.as_ref(), "accept")?,
        Type::Decline => _ = present(call.decline.as_ref(), "decline")?,
        Type::AcceptInverseOffers => {
            _ = present(call.accept_inverse_offers.as_ref(), "accept_inverse_offers")?;
        }
        Type::DeclineInverseOffers => {
            _ = present(
                call.decline_inverse_offers.as_ref(),
                "decline_inverse_offers",
            )?;
        }
        Type::Kill => _ = present(call.kill.as_ref(), "kill")?,
        Type::Shutdown => _ = present(call.shutdown.as_ref(), "shutdown")?,
        Type::Acknowledge => {
            check_uuid(&present(call.acknowledge.as_ref(), "acknowledge")?.uuid)?;
        }
        Type::AcknowledgeOperationStatus => {
            let part = call.acknowledge_operation_status.as_ref();
            let acknowledge = present(part, "acknowledge_operation_status")?;
            check_uuid(&acknowledge.uuid)?;
            present(acknowledge.agent_id.as_ref(), "agent_id")?;
        }
        Type::Reconcile => _ = present(call.reconcile.as_ref(), "reconcile")?,
        Type::ReconcileOperations => {
            _ = present(call.reconcile_operations.as_ref(), "reconcile_operations")?;
        }
        Type::Message => _ = present(call.message.as_ref(), "message")?,
        Type::Request => _ = present(call.request.as_ref(), "request")?,
        Type::UpdateFramework => {
            check_update(
                call,
                present(call.update_framework.as_ref(), "update_framework")?,
            )?;
        }
    }
    Ok(())
}

fn check_update(call: &Call, update: &UpdateFramework) -> Result<(), Fault> {
    if update.framework_info.id.clone().unwrap_or_default()
        != call.framework_id.clone().unwrap_or_default()
    {
        return Err(Fault::FrameworkIdDiffers("update_framework"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::decode_json;

    fn check(json: &str) -> Result<Type, String> {
        let call = decode_json(json.as_bytes()).unwrap();
        scheduler_call(&call, None).map_err(|error| error.to_string())
    }

    fn fault(json: &str) -> String {
        let text = check(json).unwrap_err();
        text.strip_prefix("Failed to validate scheduler::Call: ")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_call_needs_a_known_type() {
        assert_eq!(fault("{}"), "Expecting 'type' to be present");
        assert_eq!(
            fault(r#"{"type":"NO_SUCH_CALL"}"#),
            "Expecting 'type' to be present"
        );
        let number = Call {
            r#type: Some(99),
            ..Call::default()
        };
        assert!(scheduler_call(&number, None).is_err());
        let unknown = r#"{"type":"UNKNOWN","framework_id":{"value":"f"}}"#;
        assert_eq!(
            fault(unknown),
            "Expecting 'type' to be a known type of call"
        );
    }

    #[test]
    fn the_part_of_the_type_has_to_be_there() {
        assert_eq!(
            fault(r#"{"type":"SUBSCRIBE"}"#),
            "Expecting 'subscribe' to be present"
        );
        assert_eq!(
            fault(r#"{"type":"REVIVE"}"#),
            "Expecting 'framework_id' to be present"
        );
        for r#type in [
            "ACCEPT",
            "DECLINE",
            "ACCEPT_INVERSE_OFFERS",
            "DECLINE_INVERSE_OFFERS",
            "KILL",
            "SHUTDOWN",
            "ACKNOWLEDGE",
            "ACKNOWLEDGE_OPERATION_STATUS",
            "RECONCILE",
            "RECONCILE_OPERATIONS",
            "MESSAGE",
            "REQUEST",
            "UPDATE_FRAMEWORK",
        ] {
            let call = format!(r#"{{"type":"{type}","framework_id":{{"value":"f"}}}}"#);
            let part = r#type.to_lowercase();
            assert_eq!(fault(&call), format!("Expecting '{part}' to be present"));
        }
        for r#type in ["TEARDOWN", "REVIVE", "SUPPRESS"] {
            let call = format!(r#"{{"type":"{type}","framework_id":{{"value":"f"}}}}"#);
            assert_eq!(check(&call).unwrap().as_str_name(), r#type);
        }
    }

    #[test]
    fn both_framework_ids_of_a_subscription_agree() {
        let same = r#"{"type":"SUBSCRIBE","framework_id":{"value":"f"},"subscribe":
            {"framework_info":{"user":"u","name":"n","id":{"value":"f"}}}}"#;
        assert_eq!(check(same), Ok(Type::Subscribe));
        let other = same.replacen("\"f\"", "\"g\"", 1);
        assert_eq!(
            fault(&other),
            "'framework_id' differs from 'subscribe.framework_info.id'"
        );
        let one = same.replacen(r#""framework_id":{"value":"f"},"#, "", 1);
        assert_eq!(
            fault(&one),
            "'framework_id' differs from 'subscribe.framework_info.id'"
        );
    }

    #[test]
    fn both_framework_ids_of_an_update_agree() {
        let other = r#"{"type":"UPDATE_FRAMEWORK","framework_id":{"value":"f"},"update_framework":
            {"framework_info":{"user":"u","name":"n","id":{"value":"g"}}}}"#;
        assert_eq!(
            fault(other),
            "'framework_id' differs from 'update_framework.framework_info.id'"
        );
    }

    #[test]
    fn the_principal_is_the_proven_one() {
        let call: Call = decode_json(
            br#"{"type":"SUBSCRIBE","subscribe":
                {"framework_info":{"user":"u","name":"n","principal":"bob"}}}"#,
        )
        .unwrap();
        assert_eq!(scheduler_call(&call, None), Ok(Type::Subscribe));
        assert_eq!(scheduler_call(&call, Some("bob")), Ok(Type::Subscribe));
        assert_eq!(
            scheduler_call(&call, Some("eve")).unwrap_err().to_string(),
            "Failed to validate scheduler::Call: Authenticated principal 'eve' \
             does not match principal 'bob' set in `FrameworkInfo`"
        );
    }

    #[test]
    fn an_acknowledgement_has_a_uuid_of_sixteen_bytes() {
        let call = |uuid| {
            format!(
                r#"{{"type":"ACKNOWLEDGE","framework_id":{{"value":"f"}},"acknowledge":
                {{"agent_id":{{"value":"a"}},"task_id":{{"value":"t"}},"uuid":"{uuid}"}}}}"#
            )
        };
        assert_eq!(
            check(&call("UtvzgZnvQi2EBSmq+GVkIw==")),
            Ok(Type::Acknowledge)
        );
        assert_eq!(fault(&call("AAAA")), "Not a valid UUID");
        assert_eq!(fault(&call("")), "Not a valid UUID");
    }
}
