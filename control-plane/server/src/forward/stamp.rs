//! What replicas tell each other about a request, in headers.

use axum::extract::FromRequestParts;
use http::header::{
    AUTHORIZATION, CONNECTION, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use insula_types::{AgentId, CellId, LaunchId, TenantId};

use crate::auth::TenantContext;
use crate::front::{Client, Connection, Security};

/// How often a request may be forwarded.
pub const HOPS_MAX: u8 = 2;

const TENANT: HeaderName = HeaderName::from_static("insula-forwarded-tenant");
const CELL: HeaderName = HeaderName::from_static("insula-forwarded-cell");
const ADMIN: HeaderName = HeaderName::from_static("insula-forwarded-admin");
const HOPS: HeaderName = HeaderName::from_static("insula-forwarded-hops");
const AGENT: HeaderName = HeaderName::from_static("insula-forwarded-agent");
const LAUNCH: HeaderName = HeaderName::from_static("insula-forwarded-launch");

/// Headers that are about one connection (RFC 9110, section 7.6.1), or that the next replica must not
/// take from the client.
const DROPPED: [HeaderName; 14] = [
    CONNECTION,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    AUTHORIZATION,
    TENANT,
    CELL,
    ADMIN,
    HOPS,
    AGENT,
    LAUNCH,
];

/// What another replica says about a request that it forwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    /// For which tenant it was made.
    pub tenant: TenantId,
    /// About which cell.
    pub cell: CellId,
    /// With which rights.
    pub admin: bool,
    /// How often it was forwarded.
    pub hops: u8,
    /// The start of a task that it is about, whose agent is connected to whoever gets it.
    pub start: Option<(AgentId, LaunchId)>,
}

impl Forwarded {
    /// What another replica says about a request; nothing if it does not come from one, whatever its
    /// headers say, or if they are not understood.
    #[must_use]
    pub fn of(parts: &Parts) -> Option<Self> {
        let connection = parts.extensions.get::<Connection>()?;
        match connection.security {
            Security::Tls(Client::Replica(_)) => read(&parts.headers),
            Security::Tls(Client::Agent(_) | Client::Stranger) | Security::Plain => None,
        }
    }
}

fn read(headers: &HeaderMap) -> Option<Forwarded> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let start = match (text(AGENT), text(LAUNCH)) {
        (Some(agent), Some(launch)) => Some((AgentId::new(agent).ok()?, launch.parse().ok()?)),
        _ => None,
    };
    Some(Forwarded {
        tenant: TenantId::new(text(TENANT)?).ok()?,
        cell: CellId::new(text(CELL)?).ok()?,
        admin: text(ADMIN)? == "true",
        hops: text(HOPS)?.parse().ok()?,
        start,
    })
}

/// How a request has come here, for handlers that may have to pass it on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passed {
    /// How often it was forwarded.
    pub(crate) hops: u8,
    /// The start that it is about, if whoever forwarded it looked that up.
    pub(crate) start: Option<(AgentId, LaunchId)>,
}

impl<S: Sync> FromRequestParts<S> for Passed {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let forwarded = Forwarded::of(parts);
        Ok(forwarded.map_or_else(Self::default, |forwarded| Self {
            hops: forwarded.hops,
            start: forwarded.start,
        }))
    }
}

/// Takes out of a request or an answer what is about one connection, and what could be mistaken for a
/// replica's word.
pub(super) fn strip(headers: &mut HeaderMap) {
    // What `Connection` lists is about the connection as well.
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in listed.iter().chain(&DROPPED) {
        headers.remove(name);
    }
}

/// Says whom a request speaks for; `None` if that cannot be said in headers.
pub(super) fn stamp(
    headers: &mut HeaderMap,
    context: &TenantContext,
    hops: u8,
    start: Option<&(AgentId, LaunchId)>,
) -> Option<()> {
    let mut put = |name, text: &str| {
        headers.insert(name, HeaderValue::from_str(text).ok()?);
        Some(())
    };
    put(TENANT, context.tenant.as_str())?;
    put(CELL, context.cell.cell().as_str())?;
    put(ADMIN, if context.admin { "true" } else { "false" })?;
    put(HOPS, &hops.to_string())?;
    if let Some((agent, launch)) = start {
        put(AGENT, agent.as_str())?;
        put(LAUNCH, &launch.to_string())?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use http::Request;

    use super::*;
    use crate::authority::NamedAgent;

    fn request(security: Security) -> Parts {
        let mut request = Request::builder();
        for (name, value) in [
            (TENANT, "default"),
            (CELL, "east"),
            (ADMIN, "true"),
            (HOPS, "1"),
            (AGENT, "agent-1"),
            (LAUNCH, "19a.42"),
        ] {
            request = request.header(name, value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let remote = ([127, 0, 0, 1], 1).into();
        parts.extensions.insert(Connection::new(remote, security));
        parts
    }

    #[test]
    fn a_replica_is_believed() {
        let parts = request(Security::Tls(Client::Replica("replica-1".into())));
        let forwarded = Forwarded::of(&parts).unwrap();
        assert_eq!(forwarded.cell.as_str(), "east");
        assert!(forwarded.admin);
        assert_eq!(forwarded.hops, 1);
        assert_eq!(forwarded.start.unwrap().1.to_string(), "19a.42");
    }

    #[test]
    fn nobody_else_is() {
        let agent = Arc::new(NamedAgent {
            agent: "agent-1".into(),
            key_fingerprint: [0; 32],
        });
        for security in [
            Security::Plain,
            Security::Tls(Client::Stranger),
            Security::Tls(Client::Agent(agent)),
        ] {
            assert_eq!(Forwarded::of(&request(security)), None);
        }
    }

    #[test]
    fn nothing_of_one_connection_is_passed_on() {
        let mut parts = request(Security::Plain);
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("authorization", "Bearer secret"),
            ("accept", "application/json"),
        ] {
            parts.headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        strip(&mut parts.headers);
        let left: Vec<&str> = parts.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["accept"]);
    }
}
