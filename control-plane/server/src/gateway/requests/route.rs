//! The routes that there are, as spans, metrics and the log name them.

use axum::extract::MatchedPath;
use http::{Extensions, Method, Uri};

use crate::gateway::mesos;

/// The patterns of the Insula API and of what goes beside it.
const PATTERNS: [&str; 23] = [
    "/metrics",
    "/ready",
    "/v1",
    "/v1/",
    "/v1/agents",
    "/v1/agents/{id}/discard",
    "/v1/events",
    "/v1/frameworks",
    "/v1/modules",
    "/v1/modules/{digest}",
    "/v1/offers",
    "/v1/partitions",
    "/v1/replicas",
    "/v1/tasks",
    "/v1/tasks/{id}",
    "/v1/tasks/{id}/kill",
    "/v1/tasks/{id}/output/{stream}",
    "/v1/tasks/{id}/stdin",
    "/v1/tasks/{id}/trace",
    "/v1/tasks/{id}/why",
    "/v1/tokens",
    "/v1/version",
    OTHER,
];

/// What leads nowhere.
pub(crate) const OTHER: &str = "other";

/// The calls of agents: how their spans are called, and each alone.
const RPCS: [(&str, &str); 5] = [
    ("insula.agent.v1.AgentService/Enroll", "Enroll"),
    ("insula.agent.v1.AgentService/FetchModule", "FetchModule"),
    ("insula.agent.v1.AgentService/ReceiveInput", "ReceiveInput"),
    ("insula.agent.v1.AgentService/SendOutput", "SendOutput"),
    ("insula.agent.v1.AgentService/Session", "Session"),
];

/// The service that they belong to.
pub(super) const RPC_SERVICE: &str = "insula.agent.v1.AgentService";
const RPC_PATTERN: &str = "/insula.agent.v1.AgentService/{rpc}";

/// Which route, from a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// Its pattern, or the full name of the rpc.
    pub(crate) pattern: &'static str,
    /// The rpc, if it is one.
    pub(crate) rpc: Option<&'static str>,
}

impl Route {
    /// The route that a request has taken.
    pub(crate) fn of(extensions: &Extensions, uri: &Uri) -> Self {
        let Some(matched) = extensions.get::<MatchedPath>() else {
            // Mesos routes by prefix, beside the router.
            return Self::http(mesos::route(uri.path()).unwrap_or(OTHER));
        };
        let matched = matched.as_str();
        if matched.contains("{*") {
            // What stands for everything else.
            return Self::http(OTHER);
        }
        if matched == RPC_PATTERN {
            return Self::rpc(uri.path());
        }
        let known = PATTERNS.iter().find(|pattern| **pattern == matched);
        debug_assert!(known.is_some(), "the route {matched} has no name here");
        Self::http(known.copied().unwrap_or(OTHER))
    }

    fn http(pattern: &'static str) -> Self {
        Self { pattern, rpc: None }
    }

    fn rpc(path: &str) -> Self {
        let named = path.strip_prefix('/').unwrap_or_default();
        let known = RPCS.iter().find(|(full, _)| *full == named);
        known.map_or(Self::http(OTHER), |(pattern, rpc)| Self {
            pattern,
            rpc: Some(rpc),
        })
    }

    /// What a span of a request is called.
    pub(crate) fn span_name(self, method: &Method) -> String {
        if self.rpc.is_some() {
            return self.pattern.to_owned();
        }
        // The conventions put HTTP where the method is none that is known.
        let method = match method_name(method) {
            "_OTHER" => "HTTP",
            known => known,
        };
        format!("{method} {}", self.pattern)
    }
}

/// A method, from a closed set.
pub(crate) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(path: &'static str) -> &'static str {
        Route::of(&Extensions::new(), &Uri::from_static(path)).pattern
    }

    #[test]
    fn what_mesos_routes_by_prefix_has_one_name() {
        assert_eq!(of("/api/v1/scheduler"), "/api/v1/scheduler");
        assert_eq!(of("/master//api/v1/scheduler/"), "/api/v1/scheduler");
        assert_eq!(of("/master/state"), "/state");
        assert_eq!(of("/nothing/of/ours"), OTHER);
    }

    #[test]
    fn a_span_is_named_from_closed_sets() {
        let named = |method: &str, route: Route| {
            route.span_name(&Method::from_bytes(method.as_bytes()).unwrap())
        };
        let tasks = Route::http("/v1/tasks");
        assert_eq!(named("POST", tasks), "POST /v1/tasks");
        assert_eq!(named("BREW", tasks), "HTTP /v1/tasks");
        let session = Route::rpc("/insula.agent.v1.AgentService/Session");
        assert_eq!(
            named("POST", session),
            "insula.agent.v1.AgentService/Session"
        );
        let unknown = Route::rpc("/insula.agent.v1.AgentService/Surprise");
        assert_eq!(named("POST", unknown), "POST other");
    }
}
