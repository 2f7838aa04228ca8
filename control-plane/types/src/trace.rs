//! W3C trace context: which trace a row or message belongs to.
//!
//! Source: W3C Recommendation "Trace Context", level 1. What Insula itself has to remember of a trace
//! stands in its own entry of `tracestate`, as the specification means it: where the trace came from
//! ([`Origin`]).

mod origin;
mod text;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use origin::Origin;
pub use text::TRACESTATE_BYTES_MAX;

const SAMPLED: u8 = 1;

/// A trace, and the span in it that comes before whatever carries this.
///
/// Empty where there is no trace. Cheap to clone: every message and row has one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// Reads the headers; a malformed `traceparent` counts as absent, as the specification asks, and
    /// so does a `tracestate` of more than [`TRACESTATE_BYTES_MAX`] bytes.
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: &str) -> Self {
        let Some((trace_id, span_id, flags)) = text::traceparent(traceparent) else {
            return Self::default();
        };
        let is_carried = !tracestate.is_empty() && text::is_tracestate(tracestate);
        Self {
            trace_id,
            span_id,
            flags,
            state: is_carried.then(|| tracestate.into()),
        }
    }

    /// Starts a trace with the given random ids.
    #[must_use]
    pub fn start(trace_id: u128, span_id: u64, is_sampled: bool) -> Self {
        Self {
            trace_id: trace_id.max(1),
            span_id: span_id.max(1),
            flags: if is_sampled { SAMPLED } else { 0 },
            state: None,
        }
    }

    /// The same trace with another span of it.
    #[must_use]
    pub fn with_span(&self, span_id: u64) -> Self {
        Self {
            span_id: span_id.max(1),
            ..self.clone()
        }
    }

    /// The same place in the trace, recorded or not.
    #[must_use]
    pub fn with_sampled(&self, is_sampled: bool) -> Self {
        let others = self.flags & !SAMPLED;
        Self {
            flags: others | if is_sampled { SAMPLED } else { 0 },
            ..self.clone()
        }
    }

    /// This one, or the other if there is no trace here.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        if self.is_empty() { other } else { self }.clone()
    }

    /// Whether there is no trace.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trace_id == 0
    }

    /// Whether the spans of the trace are recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// What all parts of one trace share; 0 if there is none.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The span that comes before whatever carries this; 0 if there is none.
    #[must_use]
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// The trace id as 32 hexadecimal digits; empty if there is none.
    #[must_use]
    pub fn trace_id_text(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        format!("{:032x}", self.trace_id)
    }

    /// The header `traceparent`; empty if there is no trace.
    #[must_use]
    pub fn traceparent(&self) -> String {
        self.to_string()
    }

    /// The header `tracestate`; empty if there is none.
    #[must_use]
    pub fn tracestate(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
    }
}

/// As the header `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        let (trace_id, span_id, flags) = (self.trace_id, self.span_id, self.flags);
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

/// The two headers as text: what journals and links hold.
#[derive(Serialize, Deserialize)]
#[serde(rename = "TraceContext")]
struct Headers {
    traceparent: String,
    tracestate: String,
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let headers = Headers {
            traceparent: self.traceparent(),
            tracestate: self.tracestate().to_owned(),
        };
        headers.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let headers = Headers::deserialize(deserializer)?;
        Ok(Self::parse(&headers.traceparent, &headers.tracestate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_malformed_traceparent_counts_as_absent() {
        assert_eq!(TraceContext::parse(GOOD, "a=1").traceparent(), GOOD);
        assert_eq!(TraceContext::parse(GOOD, "a=1").tracestate(), "a=1");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(TraceContext::parse(bad, "a=1").is_empty(), "{bad}");
        }
    }

    #[test]
    fn a_started_trace_is_well_formed() {
        for is_sampled in [false, true] {
            let context = TraceContext::start(0xabc, 0, is_sampled);
            assert_eq!(TraceContext::parse(&context.traceparent(), ""), context);
            assert_eq!(context.trace_id_text().len(), 32);
            assert_eq!(context.is_sampled(), is_sampled);
            assert!(context.with_sampled(true).is_sampled());
        }
    }

    #[test]
    fn what_is_no_trace_has_no_text() {
        let none = TraceContext::default();
        assert!(none.is_empty() && none.traceparent().is_empty() && none.tracestate().is_empty());
    }
}
