//! Durations of the agent; tests use short ones.

use insula_types::Span;

/// See each field; [`Config::default`] is what production uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How often the agent says that it is still there; four times as often as its silence would count,
    /// if that is more.
    pub heartbeat: Span,
    /// How long an advanced watermark may wait before it is confirmed, so that a burst of commands
    /// is confirmed once.
    pub confirm_within: Span,
    /// When an update is first sent again (Mesos: 10 s).
    pub retry_min: Span,
    /// The longest time between two attempts (Mesos: 10 min).
    pub retry_max: Span,
    /// How far below the unreachable timeout a launch must stay to be obeyed (rule R22): what the
    /// control plane's clock and ours may differ in over one timeout, and the time a start takes.
    pub launch_margin: Span,
    /// Most timers that one step fires; the rest is due at once in the next (rule R12).
    pub slice: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat: Span::from_secs(5),
            confirm_within: Span::from_millis(20),
            retry_min: Span::from_secs(10),
            retry_max: Span::from_secs(600),
            launch_margin: Span::from_secs(10),
            slice: 1_000,
        }
    }
}
