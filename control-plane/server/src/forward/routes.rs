//! Which requests only the owner of their cell can answer.

use std::time::Duration;

use http::{Method, Uri};

/// A question about the kernel is answered in milliseconds; an owner that is far behind takes
/// seconds.
const AT_ONCE: Duration = Duration::from_secs(15);
/// Somewhat longer than a request may wait for its task.
const WAITING: Duration = Duration::from_secs(65);

/// How long the head of an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// At most so long.
    For(Duration),
    /// As long as both ends live: it comes when a task starts, or when all input was taken.
    Unbounded,
}

/// The table: what a request needs the owner for, as the time that the answer may take; nothing if any
/// replica can answer it.
///
/// | request | what for |
/// |---|---|
/// | `GET /v1/tasks/{id}?wait=` | events |
/// | `GET /v1/tasks/{id}/why` | the kernel |
/// | `GET /v1/tasks/{id}/trace` | the kernel, events and the spans of the owner |
/// | `GET /v1/tasks/{id}/output/{stream}`, `PUT /v1/tasks/{id}/stdin` | events, then the agent's connection |
/// | `GET /v1/agents`, `/v1/frameworks`, `/v1/offers` | the kernel |
/// | `GET /v1/events` | events |
/// | `GET /state`, `/slaves`, `/frameworks`, also below `/master`; `/metrics/snapshot` | the kernel |
pub(crate) fn of_owner(method: &Method, uri: &Uri) -> Option<Patience> {
    let parts: Vec<&str> = uri
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let is_read = *method == Method::GET || *method == Method::HEAD;
    match parts[..] {
        ["v1", "tasks", _] if is_read && has_parameter(uri, "wait") => Some(Patience::For(WAITING)),
        ["v1", "tasks", _, "why" | "trace"]
        | ["v1", "agents" | "frameworks" | "offers" | "events"]
            if is_read =>
        {
            Some(Patience::For(AT_ONCE))
        }
        ["v1", "tasks", _, "output", _] if is_read => Some(Patience::Unbounded),
        ["v1", "tasks", _, "stdin"] if *method == Method::PUT => Some(Patience::Unbounded),
        ["state" | "slaves" | "frameworks", ..]
        | ["metrics", "snapshot"]
        | ["master", "state" | "slaves" | "frameworks", ..]
            if is_read =>
        {
            Some(Patience::For(AT_ONCE))
        }
        _ => None,
    }
}

fn has_parameter(uri: &Uri, name: &str) -> bool {
    let mut all = uri.query().unwrap_or_default().split('&');
    all.any(|one| one.split('=').next() == Some(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn needs_owner(method: Method, uri: &str) -> bool {
        of_owner(&method, &uri.parse().unwrap()).is_some()
    }

    #[test]
    fn what_needs_the_kernel_or_an_agent_is_forwarded() {
        for uri in [
            "/v1/tasks/web-1?wait=5",
            "/v1/tasks/web-1?x=1&wait",
            "/v1/tasks/web-1/why",
            "/v1/tasks/web-1/trace?attempt=1",
            "/v1/tasks/web-1/output/stdout?follow=true",
            "/v1/offers",
            "/v1/events?follow=true",
            "/state",
            "/master//slaves",
            "/metrics/snapshot?timeout=1secs",
        ] {
            assert!(needs_owner(Method::GET, uri), "{uri}");
        }
        assert!(needs_owner(Method::PUT, "/v1/tasks/web-1/stdin"));
    }

    #[test]
    fn what_comes_from_rows_or_goes_by_a_link_is_not() {
        for uri in [
            "/v1/tasks",
            "/v1/tasks/wait",
            "/v1/tasks/web-1?waiting=1",
            "/v1/modules",
            "/v1/version",
            "/v1/replicas",
            "/tasks",
            "/version",
            "/metrics",
            "/health",
            "/api/v1/scheduler",
        ] {
            assert!(!needs_owner(Method::GET, uri), "{uri}");
        }
        assert!(!needs_owner(Method::POST, "/v1/tasks"));
        assert!(!needs_owner(Method::POST, "/v1/tasks/web-1/kill"));
        assert!(!needs_owner(Method::POST, "/api/v1/scheduler"));
    }
}
