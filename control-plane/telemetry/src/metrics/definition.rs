//! What is said of a metric.

use super::label::Label;

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises; starts at 0 with the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// How many were how large.
    Histogram,
}

/// What is counted or measured, in the notation of UCUM that OpenTelemetry uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Things, called so.
    Of(&'static str),
}

/// Which processes have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// Replicas, and a control plane that is alone.
    ControlPlane,
    /// Agents.
    Agent,
    /// All.
    Every,
}

/// A metric: a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// The name as OpenTelemetry has it: words and dots.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// Its labels, in any order.
    pub labels: &'static [Label],
    /// Which processes have it.
    pub process: Process,
    /// What it says, in a sentence.
    pub meaning: &'static str,
    /// What is bad, and what to do about it; empty if nothing can be bad about it.
    pub when_bad: &'static str,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Unit {
    /// As OpenTelemetry writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "By",
            Self::Of(things) => things,
        }
    }

    /// As people write it.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Of(things) => things.trim_matches(['{', '}']),
        }
    }
}

impl Definition {
    /// The name as Prometheus has it: `insula_commit_duration_seconds`. It ends in the unit, and that
    /// of a counter in `_total`.
    #[must_use]
    pub fn prometheus_name(&self) -> String {
        let mut name = self.name.replace('.', "_");
        match self.unit {
            Unit::Seconds => name.push_str("_seconds"),
            Unit::Bytes => name.push_str("_bytes"),
            Unit::Of(_) => {}
        }
        if self.kind == Kind::Counter {
            name.push_str("_total");
        }
        name
    }

    /// Whether an agent, or else a control plane, has it.
    #[must_use]
    pub fn is_of(&self, process: Process) -> bool {
        self.process == Process::Every || self.process == process
    }

    /// A counter of a control plane.
    #[must_use]
    pub(crate) const fn counter(name: &'static str, unit: Unit, labels: &'static [Label]) -> Self {
        Self::new(name, Kind::Counter, unit, labels)
    }

    /// A gauge of a control plane.
    #[must_use]
    pub(crate) const fn gauge(name: &'static str, unit: Unit, labels: &'static [Label]) -> Self {
        Self::new(name, Kind::Gauge, unit, labels)
    }

    /// A histogram of a control plane.
    #[must_use]
    pub(crate) const fn histogram(
        name: &'static str,
        unit: Unit,
        labels: &'static [Label],
    ) -> Self {
        Self::new(name, Kind::Histogram, unit, labels)
    }

    const fn new(name: &'static str, kind: Kind, unit: Unit, labels: &'static [Label]) -> Self {
        Self {
            name,
            kind,
            unit,
            labels,
            process: Process::ControlPlane,
            meaning: "",
            when_bad: "",
        }
    }

    /// Other processes have it.
    #[must_use]
    pub(crate) const fn of(self, process: Process) -> Self {
        Self { process, ..self }
    }

    /// What it says.
    #[must_use]
    pub(crate) const fn means(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }

    /// What is bad, and what to do.
    #[must_use]
    pub(crate) const fn when_bad(self, when_bad: &'static str) -> Self {
        Self { when_bad, ..self }
    }
}
