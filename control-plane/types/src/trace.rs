//! W3C trace context: which trace a row or message belongs to.
//!
//! Source: W3C Recommendation "Trace Context", level 1.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest `tracestate` that is carried on, in bytes: the limit that the specification asks for.
pub const TRACESTATE_BYTES_MAX: usize = 512;

/// The two headers of the W3C trace context.
///
/// Empty where nothing is traced. `traceparent` is either empty or of the form
/// `00-<32 hex>-<16 hex>-<2 hex>`; [`Self::parse`] is the only way in for text from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TraceContext {
    /// Version, trace id, span id and flags.
    pub traceparent: String,
    /// Vendors' own additions, passed on unread.
    pub tracestate: String,
}

impl TraceContext {
    /// Reads the headers; a malformed `traceparent` counts as absent, as the specification asks.
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: &str) -> Self {
        if !is_traceparent(traceparent) {
            return Self::default();
        }
        let tracestate = if tracestate.len() <= TRACESTATE_BYTES_MAX {
            tracestate
        } else {
            ""
        };
        Self {
            traceparent: traceparent.to_owned(),
            tracestate: tracestate.to_owned(),
        }
    }

    /// Starts a trace with the given random ids, sampled.
    #[must_use]
    pub fn start(trace_id: u128, span_id: u64) -> Self {
        let traceparent = format!("00-{:032x}-{:016x}-01", trace_id.max(1), span_id.max(1));
        Self {
            traceparent,
            tracestate: String::new(),
        }
    }

    /// Whether there is no trace.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.traceparent.is_empty()
    }

    /// The 32 hex digits that all parts of one trace share.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.get(3..35)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent)
    }
}

fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace_id, span_id, flags] = parts[..] else {
        return false;
    };
    let hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let set = |part: &str| part.bytes().any(|b| b != b'0');
    version == "00"
        && hex(trace_id, 32)
        && set(trace_id)
        && hex(span_id, 16)
        && set(span_id)
        && hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_traceparent_counts_as_absent() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceContext::parse(good, "a=1").traceparent, good);
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert!(TraceContext::parse(bad, "a=1").is_empty(), "{bad}");
        }
    }

    #[test]
    fn a_started_trace_is_well_formed() {
        let context = TraceContext::start(0xabc, 0);
        assert_eq!(TraceContext::parse(&context.traceparent, ""), context);
        assert_eq!(context.trace_id().map(str::len), Some(32));
    }
}
