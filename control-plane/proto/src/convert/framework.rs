//! What a framework says of itself.

use std::collections::BTreeSet;

use insula_types::framework::{Capabilities, FrameworkInfo};
use insula_types::ids::IdError;
use insula_types::{FrameworkId, Span};
use prost::Message as _;

use super::role::{self, RoleError};
use crate::mesos::v1;
use crate::mesos::v1::framework_info::capability::Type;

/// Why a framework may not subscribe as it describes itself. The sentences are those of Mesos where
/// Mesos has one.
///
/// Source: `framework::validate` in `src/master/validation.cpp` and `Master::validateFramework` in
/// `src/master/master.cpp` of Mesos 1.11.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameworkError {
    /// The older field is used together with the newer capability.
    #[error("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable")]
    RoleWithCapability,
    /// The newer field is used without its capability.
    #[error("'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable")]
    RolesWithoutCapability,
    /// There is no role at all, so that nothing could ever be offered.
    #[error("'FrameworkInfo.roles' must contain at least one role")]
    NoRoles,
    /// Roles are listed twice.
    #[error("'FrameworkInfo.roles' contains duplicate items: {{ {} }}", .0.join(", "))]
    DuplicateRoles(Vec<String>),
    /// One of several roles is none.
    #[error("'FrameworkInfo.roles' contains invalid role: {0}")]
    InvalidRoles(RoleError),
    /// The role is none.
    #[error("'FrameworkInfo.role' is not a valid role: {0}")]
    InvalidRole(RoleError),
    /// The id is none.
    #[error(transparent)]
    InvalidId(IdError),
    /// A minimum is empty, which every offer would reach.
    #[error("Resource quantities must contain at least one quantity")]
    NoQuantities,
    /// A minimum is not an amount.
    #[error("Invalid resource quantity for '{name}': {fault}")]
    InvalidQuantity {
        /// Name of the resource.
        name: String,
        /// What is wrong with the number.
        fault: &'static str,
    },
    /// The failover timeout is not a number, or no length of time.
    #[error("The framework failover_timeout ({0}) is invalid")]
    FailoverTimeout(String),
    /// A role that is not the framework's is to be suppressed.
    #[error("Suppressed role '{0}' is not contained in the list of roles")]
    ForeignSuppressedRole(String),
}

/// Longest failover timeout that Mesos can represent: 2^63 nanoseconds, in seconds. What is longer
/// than a year is kept as a year.
const FAILOVER_SECONDS_MAX: f64 = 9_223_372_036.854_775;

/// Reads a framework's description. Roles are sorted; a framework without MULTI_ROLE has exactly one.
///
/// # Errors
/// [`FrameworkError`], for the first thing that is wrong.
pub fn info_from_wire(info: &v1::FrameworkInfo) -> Result<FrameworkInfo, FrameworkError> {
    let capabilities = capabilities(info);
    let roles = roles(info, capabilities.multi_role)?;
    id_from_wire(info)?;
    info.offer_filters
        .values()
        .try_for_each(check_offer_filters)?;
    Ok(FrameworkInfo {
        name: info.name.clone(),
        user: info.user.clone(),
        roles,
        capabilities,
        failover_timeout: failover_timeout(info.failover_timeout())?,
        checkpoint: info.checkpoint(),
        principal: info.principal().to_owned(),
        hostname: info.hostname().to_owned(),
        webui_url: info.webui_url().to_owned(),
        payload: info.encode_to_vec().into(),
    })
}

/// The id that a framework wants to keep. An empty one counts as none, as in Mesos.
///
/// # Errors
/// [`FrameworkError::InvalidId`].
pub fn id_from_wire(info: &v1::FrameworkInfo) -> Result<Option<FrameworkId>, FrameworkError> {
    match info.id.as_ref().map(|id| id.value.as_str()) {
        None | Some("") => Ok(None),
        Some(id) => FrameworkId::new(id)
            .map(Some)
            .map_err(FrameworkError::InvalidId),
    }
}

/// Checks the roles that a framework wants no offers for; sorted, each once.
///
/// # Errors
/// [`FrameworkError::ForeignSuppressedRole`].
pub fn suppressed_roles(
    info: &FrameworkInfo,
    suppressed: &[String],
) -> Result<Vec<String>, FrameworkError> {
    if let Some(foreign) = suppressed.iter().find(|role| !info.roles.contains(role)) {
        return Err(FrameworkError::ForeignSuppressedRole(foreign.clone()));
    }
    let distinct: BTreeSet<&String> = suppressed.iter().collect();
    Ok(distinct.into_iter().cloned().collect())
}

fn capabilities(info: &v1::FrameworkInfo) -> Capabilities {
    let has = |r#type| {
        info.capabilities
            .iter()
            .any(|capability| capability.r#type() == r#type)
    };
    Capabilities {
        multi_role: has(Type::MultiRole),
        partition_aware: has(Type::PartitionAware),
        task_killing_state: has(Type::TaskKillingState),
        reservation_refinement: has(Type::ReservationRefinement),
        gpu_resources: has(Type::GpuResources),
    }
}

#[expect(
    deprecated,
    reason = "`role` is what frameworks without MULTI_ROLE have"
)]
fn roles(info: &v1::FrameworkInfo, multi_role: bool) -> Result<Vec<String>, FrameworkError> {
    if !multi_role {
        if !info.roles.is_empty() {
            return Err(FrameworkError::RolesWithoutCapability);
        }
        role::validate(info.role()).map_err(FrameworkError::InvalidRole)?;
        return Ok(vec![info.role().to_owned()]);
    }
    if info.role.is_some() {
        return Err(FrameworkError::RoleWithCapability);
    }
    if info.roles.is_empty() {
        return Err(FrameworkError::NoRoles);
    }
    let mut roles = BTreeSet::new();
    let duplicates: BTreeSet<&String> = info
        .roles
        .iter()
        .filter(|role| !roles.insert((*role).clone()))
        .collect();
    if !duplicates.is_empty() {
        let duplicates = duplicates.into_iter().cloned().collect();
        return Err(FrameworkError::DuplicateRoles(duplicates));
    }
    for role in &info.roles {
        role::validate(role).map_err(FrameworkError::InvalidRoles)?;
    }
    Ok(roles.into_iter().collect())
}

fn check_offer_filters(filters: &v1::OfferFilters) -> Result<(), FrameworkError> {
    let Some(min) = &filters.min_allocatable_resources else {
        return Ok(());
    };
    for quantities in &min.quantities {
        if quantities.quantities.is_empty() {
            return Err(FrameworkError::NoQuantities);
        }
        for (name, scalar) in &quantities.quantities {
            if let Some(fault) = quantity_fault(scalar.value) {
                return Err(FrameworkError::InvalidQuantity {
                    name: name.clone(),
                    fault,
                });
            }
        }
    }
    Ok(())
}

fn quantity_fault(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        return Some("NaN not supported");
    }
    if value.is_infinite() {
        return Some("Infinite values not supported");
    }
    if value.is_subnormal() {
        return Some("Subnormal values not supported");
    }
    (value < 0.0).then_some("Negative values not supported")
}

/// A negative timeout is none at all: the framework is removed as soon as it disconnects.
fn failover_timeout(seconds: f64) -> Result<Span, FrameworkError> {
    if seconds.is_nan() || seconds.abs() > FAILOVER_SECONDS_MAX {
        return Err(FrameworkError::FailoverTimeout(six_digits(seconds)));
    }
    Ok(Span::from_secs_f64(seconds).unwrap_or(Span::ZERO))
}

/// Prints a number of more than six digits, or none, as the stream of C++ does: `1e+20`.
fn six_digits(value: f64) -> String {
    let text = format!("{value:.5e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let digits = digits.trim_end_matches('0').trim_end_matches('.');
            format!("{digits}e+{exponent:0>2}")
        }
        None => text.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_json;

    fn read(fields: &str) -> Result<FrameworkInfo, String> {
        let json = format!(r#"{{"user":"u","name":"n"{fields}}}"#);
        info_from_wire(&decode_json(json.as_bytes()).unwrap()).map_err(|error| error.to_string())
    }

    const MULTI_ROLE: &str = r#","capabilities":[{"type":"MULTI_ROLE"},{}]"#;

    #[test]
    fn a_plain_framework_has_the_role_star() {
        let info = read("").unwrap();
        assert_eq!(info.roles, ["*"]);
        assert_eq!(info.capabilities, Capabilities::default());
        assert_eq!(info.failover_timeout, Span::ZERO);
        assert_eq!(v1::FrameworkInfo::decode(info.payload).unwrap().name, "n");
    }

    #[test]
    fn everything_is_read() {
        let info = read(
            r#","roles":["b","a"],"capabilities":[{"type":"MULTI_ROLE"},{"type":"PARTITION_AWARE"},
            {"type":"TASK_KILLING_STATE"},{"type":"RESERVATION_REFINEMENT"},{"type":"GPU_RESOURCES"}],
            "failover_timeout":0.5,"checkpoint":true,"principal":"p","hostname":"h","webui_url":"w""#,
        )
        .unwrap();
        assert_eq!(info.roles, ["a", "b"]);
        let all = Capabilities {
            multi_role: true,
            partition_aware: true,
            task_killing_state: true,
            reservation_refinement: true,
            gpu_resources: true,
        };
        assert_eq!(info.capabilities, all);
        assert_eq!(info.failover_timeout, Span::from_millis(500));
        assert!(info.checkpoint);
        assert_eq!(
            (&*info.principal, &*info.hostname, &*info.webui_url),
            ("p", "h", "w")
        );
    }

    #[test]
    fn each_fault_has_its_sentence() {
        let quantities = |quantities: &str| {
            format!(
                r#","offer_filters":{{"*":{{"min_allocatable_resources":{{"quantities":
                [{{"quantities":{quantities}}}]}}}}}}"#
            )
        };
        for (fields, sentence) in [
            (
                format!(r#","role":"r"{MULTI_ROLE}"#),
                "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
            ),
            (
                r#","roles":["r"]"#.to_owned(),
                "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
            ),
            (
                MULTI_ROLE.to_owned(),
                "'FrameworkInfo.roles' must contain at least one role",
            ),
            (
                format!(r#","roles":["/bad"]{MULTI_ROLE}"#),
                "'FrameworkInfo.roles' contains invalid role: Role '/bad' cannot start with a slash",
            ),
            (
                format!(r#","roles":["a","b","a"]{MULTI_ROLE}"#),
                "'FrameworkInfo.roles' contains duplicate items: { a }",
            ),
            (
                r#","role":"a/""#.to_owned(),
                "'FrameworkInfo.role' is not a valid role: Role 'a/' cannot end with a slash",
            ),
            (
                r#","id":{"value":"a/b"}"#.to_owned(),
                "'a/b' contains invalid characters",
            ),
            (
                quantities("{}"),
                "Resource quantities must contain at least one quantity",
            ),
            (
                quantities(r#"{"cpus":{"value":-1}}"#),
                "Invalid resource quantity for 'cpus': Negative values not supported",
            ),
            (
                r#","failover_timeout":1e20"#.to_owned(),
                "The framework failover_timeout (1e+20) is invalid",
            ),
            (
                r#","failover_timeout":-1.25e300"#.to_owned(),
                "The framework failover_timeout (-1.25e+300) is invalid",
            ),
            (
                r#","failover_timeout":"Infinity""#.to_owned(),
                "The framework failover_timeout (inf) is invalid",
            ),
        ] {
            assert_eq!(read(&fields), Err(sentence.to_owned()), "{fields}");
        }
    }

    #[test]
    fn long_and_negative_timeouts_are_bounded() {
        assert_eq!(
            read(r#","failover_timeout":9e9"#).unwrap().failover_timeout,
            Span::YEAR
        );
        assert_eq!(
            read(r#","failover_timeout":-5"#).unwrap().failover_timeout,
            Span::ZERO
        );
    }

    #[test]
    fn an_empty_id_is_none() {
        let id = |json: &str| id_from_wire(&decode_json(json.as_bytes()).unwrap());
        assert_eq!(id(r#"{"user":"u","name":"n","id":{"value":""}}"#), Ok(None));
        assert_eq!(
            id(r#"{"user":"u","name":"n","id":{"value":"f"}}"#),
            Ok(Some("f".into()))
        );
    }

    #[test]
    fn only_the_frameworks_own_roles_can_be_suppressed() {
        let info = read(&format!(r#","roles":["a","b"]{MULTI_ROLE}"#)).unwrap();
        let suppressed = |roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
            suppressed_roles(&info, &roles).map_err(|error| error.to_string())
        };
        assert_eq!(
            suppressed(&["b", "a", "b"]),
            Ok(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(
            suppressed(&["zz"]),
            Err("Suppressed role 'zz' is not contained in the list of roles".to_owned())
        );
    }
}
