//! What the system knows of this process.
//!
//! Source: `proc_pid_stat(5)`, `proc_pid_limits(5)`.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::registry::{Metrics, approximate};
use super::shown::{Point, Shown};
use super::table;
use crate::metrics::labels::SpanFate;
use crate::span_figures;

/// Clock ticks in a second, as the kernel counts for user space on every architecture that Rust has.
const TICKS: f64 = 100.0;

/// What a span takes in memory, about: itself, its attributes and its events.
const SPAN_BYTES: usize = 1_024;

/// What every process says of itself. Reading it needs some system calls.
#[derive(Debug, Clone)]
pub struct ProcessMetrics {
    cpu: Shown,
    memory: Shown,
    threads: Shown,
    fds: Shown,
    max_fds: Shown,
    spans: Shown,
    span_buffer: Shown,
}

impl ProcessMetrics {
    /// Adds them, with what never changes.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let identity = metrics.identity();
        let build = Point::of((), 1.0)
            .with("service", identity.service)
            .with("version", identity.version);
        metrics.shown(&table::BUILD).replace([build]);
        let started = metrics.shown(&table::PROCESS_START);
        if let Some(at) = started_at() {
            started.set(at.as_secs_f64());
        }
        Self {
            cpu: metrics.shown(&table::PROCESS_CPU),
            memory: metrics.shown(&table::PROCESS_MEMORY),
            threads: metrics.shown(&table::PROCESS_THREADS),
            fds: metrics.shown(&table::PROCESS_FDS),
            max_fds: metrics.shown(&table::PROCESS_MAX_FDS),
            spans: metrics.shown(&table::SPANS),
            span_buffer: metrics.shown(&table::SPAN_BUFFER),
        }
    }

    /// Looks. What the system does not tell keeps its last value.
    pub fn refresh(&self) {
        let stat = fs::read_to_string("/proc/self/stat").ok();
        if let Some(stat) = stat.as_deref().and_then(Stat::parse) {
            self.cpu.set(approximate(stat.ticks) / TICKS);
            self.threads.set(approximate(stat.threads));
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        if let Some(kibibytes) = resident(&status) {
            self.memory.set(approximate(kibibytes) * 1_024.0);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // One of them is that which reads the directory.
            self.fds.set(size(open.count().saturating_sub(1)));
        }
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        if let Some(max) = max_open_files(&limits) {
            self.max_fds.set(approximate(max));
        }
        self.refresh_spans();
    }

    fn refresh_spans(&self) {
        let spans = span_figures();
        self.spans.replace([
            Point::of(SpanFate::Exported, approximate(spans.exported)),
            Point::of(SpanFate::Dropped, approximate(spans.dropped)),
            Point::of(SpanFate::Failed, approximate(spans.failed)),
        ]);
        let most = spans.queued_max + spans.recent_max;
        self.span_buffer.set(size(most * SPAN_BYTES));
    }
}

/// A size as a number of Prometheus.
#[must_use]
pub fn size(size: usize) -> f64 {
    approximate(u64::try_from(size).unwrap_or(u64::MAX))
}

/// When this process started, since 1970.
fn started_at() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let after_boot = approximate(Stat::parse(&stat)?.started_ticks) / TICKS;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let ago = Duration::try_from_secs_f64((uptime - after_boot).max(0.0)).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    now.checked_sub(ago)
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// Of all threads, in user and in kernel mode.
    ticks: u64,
    threads: u64,
    started_ticks: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the name in parentheses, in which anything may stand.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |field: usize| -> Option<u64> { fields.get(field - 3)?.parse().ok() };
        Some(Self {
            ticks: number(14)? + number(15)?,
            threads: number(20)?,
            started_ticks: number(22)?,
        })
    }
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The soft limit; nothing if there is none.
fn max_open_files(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_process_may_be_called_anything() {
        let text = "42 (a) b (c)) S 1 42 42 0 -1 4194304 1 0 0 0 700 34 0 0 20 0 9 0 123456 1 2";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(stat.ticks, 734);
        assert_eq!(stat.threads, 9);
        assert_eq!(stat.started_ticks, 123_456);
        assert_eq!(Stat::parse("42 (a) S 1"), None);
    }

    #[test]
    fn limits_and_memory_are_found_by_their_names() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  524288  files\n";
        assert_eq!(max_open_files(limits), Some(1_024));
        assert_eq!(max_open_files("Max open files  unlimited  unlimited"), None);
        assert_eq!(resident("Name:\tx\nVmRSS:\t  5120 kB\n"), Some(5_120));
    }
}
