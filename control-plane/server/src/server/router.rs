//! All interfaces on one port.

use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};

use crate::forward::forward;
use crate::front;
use crate::gateway::ready::{self, Readiness};
use crate::gateway::requests::{Observer, observe};
use crate::gateway::{agent, api, mesos};
use crate::metrics;
use crate::service::Service;

/// What a request meets: what watches how it fares, then whether it may come from where it comes from,
/// then whether another replica must answer it, then its handler.
pub(super) fn router(
    service: &Arc<Service>,
    master: mesos::Master,
    heartbeat_interval: Duration,
    readiness: Option<Readiness>,
) -> Router {
    let mesos = mesos::MesosState {
        gate: service.gate.clone(),
        store: service.store.clone(),
        master: Arc::new(master),
        heartbeat_interval,
    };
    let forwarder = service.forwarder.clone();
    let observer = Arc::<Observer>::default();
    let requests = service.collector.requests.clone();
    api::router(Arc::clone(service))
        .merge(metrics::router(Arc::clone(service)))
        .merge(agent::router(Arc::clone(service)))
        .merge(ready::router(readiness))
        .merge(mesos::router(mesos))
        .layer(middleware::from_fn_with_state(forwarder, forward))
        .layer(middleware::from_fn(front::guard))
        .layer(middleware::from_fn_with_state(observer, observe))
        .layer(middleware::from_fn_with_state(requests, metrics::measure))
}
