//! `/metrics/snapshot`: the figures that Mesos' own tools and exporters read, for one cell.
//!
//! The keys are those of Mesos whose meaning there is here; tools take a missing key for unknown, and a
//! made up one for the truth. Everything else is at `/metrics`.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::thread::available_parallelism;

use axum::Json;
use axum::response::{IntoResponse, Response};
use insula_telemetry::metrics::labels::{LiveState, Share};
use insula_telemetry::metrics::{Closed as _, approximate, size};
use insula_types::resources::Scalar;
use insula_types::{ErrorCode, TaskState};

use crate::auth::TenantContext;
use crate::gateway::ApiError;
use crate::gateway::mesos::refusal::Refusal;
use crate::gateway::mesos::{Master, MesosState};
use crate::metrics::{CellFigures, live_state};
use crate::service::wall_clock;

type Snapshot = BTreeMap<String, f64>;

/// Answers with the figures of a cell. They are of all tenants, so only an operator sees them. The
/// answer needs no time, so there is nothing that the parameter `timeout` of Mesos could bound.
pub(in crate::gateway::mesos) async fn metrics(
    state: &MesosState,
    context: TenantContext,
) -> Result<Response, Refusal> {
    if !context.admin {
        let sentence = "the metrics of a cell are of all of its tenants and for operators only";
        return Err(ApiError::new(ErrorCode::PermissionDenied, sentence).into());
    }
    let figures = context.cell.query(CellFigures::of).await?;
    Ok(Json(snapshot(&figures, &state.master)).into_response())
}

fn snapshot(found: &CellFigures, master: &Master) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let uptime = wall_clock().since(master.started_at);
    put(&mut snapshot, "master/uptime_secs", uptime.as_secs_f64());
    // Whoever answers for a cell is its one owner.
    put(&mut snapshot, "master/elected", 1.0);
    peers(&mut snapshot, found);
    tasks(&mut snapshot, found);
    resources(&mut snapshot, found);
    allocator(&mut snapshot, found);
    system(&mut snapshot);
    snapshot
}

fn put(snapshot: &mut Snapshot, key: impl Into<String>, value: f64) {
    snapshot.insert(key.into(), value);
}

fn peers(snapshot: &mut Snapshot, found: &CellFigures) {
    let agents = found.figures.agents;
    for (key, count) in [
        ("slaves_active", agents.connected),
        ("slaves_connected", agents.connected),
        ("slaves_inactive", agents.disconnected),
        ("slaves_disconnected", agents.disconnected),
        ("slaves_unreachable", agents.unreachable),
    ] {
        put(snapshot, format!("master/{key}"), size(count));
    }
    let frameworks = found.figures.frameworks;
    for (key, count) in [
        ("frameworks_active", frameworks.subscribed),
        ("frameworks_connected", frameworks.subscribed),
        ("frameworks_inactive", frameworks.away),
        ("frameworks_disconnected", frameworks.away),
    ] {
        put(snapshot, format!("master/{key}"), size(count));
    }
    let offers = size(found.figures.offers);
    put(snapshot, "master/outstanding_offers", offers);
}

/// Tasks that live are counted as they are, those that have ended since their cell was loaded.
fn tasks(snapshot: &mut Snapshot, found: &CellFigures) {
    for state in LiveState::ALL {
        if *state != LiveState::Unacknowledged {
            let key = LiveState::VALUES[state.index()];
            put(snapshot, format!("master/tasks_{key}"), 0.0);
        }
    }
    for (state, count) in &found.figures.tasks {
        if live_state(*state) != LiveState::Unacknowledged {
            let key = LiveState::VALUES[live_state(*state).index()];
            *snapshot.entry(format!("master/tasks_{key}")).or_default() += size(*count);
        }
    }
    for state in TaskState::ALL.iter().filter(|state| state.is_terminal()) {
        let ended = found.figures.counters.tasks_ended.get(state);
        let name = state.as_str().trim_start_matches("TASK_");
        let key = format!("master/tasks_{}", name.to_lowercase());
        put(snapshot, key, approximate(ended.copied().unwrap_or(0)));
    }
}

fn resources(snapshot: &mut Snapshot, found: &CellFigures) {
    for scalar in Scalar::ALL {
        let (mut total, mut used) = (0.0, 0.0);
        for (share, amount) in found.shares(scalar) {
            match share {
                Share::All => total = amount,
                Share::Used => used = amount,
                Share::Offered => {}
            }
        }
        let percent = if total > 0.0 { used / total } else { 0.0 };
        let name = scalar.name();
        put(snapshot, format!("master/{name}_total"), total);
        put(snapshot, format!("master/{name}_used"), used);
        put(snapshot, format!("master/{name}_percent"), percent);
        // Nothing here can be taken back from a task.
        for what in ["total", "used", "percent"] {
            put(snapshot, format!("master/{name}_revocable_{what}"), 0.0);
        }
    }
}

fn allocator(snapshot: &mut Snapshot, found: &CellFigures) {
    let runs = approximate(found.figures.counters.allocations);
    put(snapshot, "allocator/mesos/allocation_runs", runs);
    for scalar in [Scalar::Cpus, Scalar::Mem, Scalar::Disk] {
        let key = format!("allocator/mesos/resources/{}", scalar.name());
        let shares = found.shares(scalar);
        let of = |wanted: Share| -> f64 {
            let found = shares.iter().find(|(share, _)| *share == wanted);
            found.map_or(0.0, |(_, amount)| *amount)
        };
        put(snapshot, format!("{key}/total"), of(Share::All));
        let given = of(Share::Used) + of(Share::Offered);
        put(snapshot, format!("{key}/offered_or_allocated"), given);
    }
}

/// The machine that answers; what it does not tell is left out.
fn system(snapshot: &mut Snapshot) {
    let cpus = available_parallelism().map_or(1, NonZero::get);
    put(snapshot, "system/cpus_total", size(cpus));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    for (key, load) in ["1min", "5min", "15min"].iter().zip(load.split(' ')) {
        if let Ok(load) = load.parse() {
            put(snapshot, format!("system/load_{key}"), load);
        }
    }
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    for (key, name) in [("total", "MemTotal:"), ("free", "MemFree:")] {
        if let Some(kibibytes) = kibibytes(&memory, name) {
            let bytes = approximate(kibibytes) * 1_024.0;
            put(snapshot, format!("system/mem_{key}_bytes"), bytes);
        }
    }
}

fn kibibytes(memory: &str, name: &str) -> Option<u64> {
    let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
