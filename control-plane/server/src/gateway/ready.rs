//! `GET /ready`: whether new connections are welcome.
//!
//! A load balancer asks, which has no credential; the answer says no more than it must know. That the
//! process lives is `GET /health`, among the endpoints of Mesos.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use insula_broker::Health;
use insula_types::ErrorCode;
use insula_types::membership::ReplicaState;
use tokio::sync::watch;

use super::ApiError;
use crate::replica::Ready;

/// What readiness depends on; all of it is known without asking anybody.
#[derive(Debug, Clone)]
pub struct Readiness {
    replica: watch::Receiver<Ready>,
    broker: watch::Receiver<Health>,
}

impl Readiness {
    /// Of a replica and its broker.
    #[must_use]
    pub fn new(replica: watch::Receiver<Ready>, broker: watch::Receiver<Health>) -> Self {
        Self { replica, broker }
    }

    /// Why connections are not welcome now, if they are not.
    pub(crate) fn refusal(&self) -> Option<&'static str> {
        let ready = self.replica.borrow();
        match ready.state {
            ReplicaState::Starting => return Some("this replica is starting"),
            ReplicaState::Draining => return Some("this replica is draining"),
            ReplicaState::Ready => {}
        }
        if !ready.store_ok {
            return Some("the database does not answer");
        }
        match &*self.broker.borrow() {
            Health::Up => None,
            Health::Down { .. } => Some("the broker does not answer"),
        }
    }
}

/// The route. A control plane that is alone is ready as soon as it listens.
pub fn router(readiness: Option<Readiness>) -> Router {
    Router::new()
        .route("/ready", get(ready))
        .with_state(readiness)
}

async fn ready(State(readiness): State<Option<Readiness>>) -> Response {
    match readiness.and_then(|readiness| readiness.refusal()) {
        None => Response::default(),
        Some(sentence) => ApiError::new(ErrorCode::Unavailable, sentence).into_response(),
    }
}
