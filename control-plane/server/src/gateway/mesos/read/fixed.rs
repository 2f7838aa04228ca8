//! The answers that need no rows.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;

use crate::gateway::MESOS_VERSION;
use crate::gateway::mesos::Master;

/// What is said of the build.
///
/// The version is that of the Mesos whose interface is followed: clients want it dotted and at least
/// 1.0.0. The build knows neither its time nor its user, so that it can be repeated; the keys stay,
/// since tools expect them.
#[derive(Serialize)]
pub(super) struct Build {
    build_date: &'static str,
    build_time: f64,
    build_user: &'static str,
    version: &'static str,
    insula_version: &'static str,
}

impl Build {
    pub(super) const THIS: Self = Self {
        build_date: "1970-01-01 00:00:00",
        build_time: 0.0,
        build_user: "insula",
        version: MESOS_VERSION,
        insula_version: env!("CARGO_PKG_VERSION"),
    };
}

/// `/version`.
pub(in crate::gateway::mesos) fn version() -> Response {
    Json(Build::THIS).into_response()
}

/// `/redirect`: to the advertised address, without a scheme, as Mesos has it.
pub(in crate::gateway::mesos) fn redirect(master: &Master) -> Response {
    let location = format!("//{}:{}", master.hostname, master.port);
    (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)]).into_response()
}
