//! Processor time: of the control plane, of this program, and of the whole machine.

use std::fs;
use std::time::{Duration, Instant};

use super::Site;
use crate::report::Report;

/// Ticks per second in which Linux counts processor time, on every platform that there is.
const TICKS: u64 = 100;

/// What was used until a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processors {
    at: Instant,
    control_plane: Duration,
    agents: Duration,
    machine: Duration,
}

impl Processors {
    /// As of now.
    pub(crate) fn now(site: &Site) -> Self {
        let replicas = site.replicas.iter();
        Self {
            at: Instant::now(),
            control_plane: replicas
                .map(|replica| of_process(replica.process.id()))
                .sum(),
            agents: of_process(std::process::id()),
            machine: of_machine(),
        }
    }

    /// Reports how many were busy on average since then. What neither the control plane nor this
    /// program used is the databases', and that of whatever else the machine does.
    pub(crate) fn report(&self, site: &Site, report: Report) {
        let now = Self::now(site);
        let took = now.at.duration_since(self.at);
        let parts = [
            (
                "processors: control plane",
                now.control_plane,
                self.control_plane,
            ),
            ("processors: agents and clients", now.agents, self.agents),
            ("processors: whole machine", now.machine, self.machine),
        ];
        for (name, after, before) in parts {
            report.processors(name, after.saturating_sub(before), took);
        }
    }
}

/// What a process has used; nothing once it is gone.
fn of_process(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in brackets, may contain anything; user and system time are fields 14 and 15.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    ticks(fields.split_whitespace().skip(11).take(2))
}

/// What was used by anything: user, nice, system, and the two kinds of interrupts.
fn of_machine() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    ticks(
        [1, 2, 3, 6, 7]
            .iter()
            .filter_map(|field| fields.get(*field).copied()),
    )
}

fn ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Duration {
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}
