//! Whoever asks, with traces of its own.

use std::collections::BTreeSet;

use insula_faults::Http;

/// A caller: each of its requests is a span of a trace of its own.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    sent: BTreeSet<(u128, u64)>,
}

/// A span of a caller, which is never exported: the test knows that it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) trace: u128,
    pub(crate) span: u64,
}

/// So that ids of this test are told from others by a look.
const TRACES: u128 = 0x7e57 << 112;
const SPANS: u64 = 0x7e57 << 48;

impl Caller {
    /// A span in a new trace.
    pub(crate) fn ask(&mut self) -> Asked {
        let number = self.sent.len() + 1;
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let trace = TRACES | u128::from(number) << 64 | u128::from(number);
        let span = SPANS | u64::from(number);
        self.sent.insert((trace, span));
        Asked { trace, span }
    }

    /// Whether it sent a span.
    pub(crate) fn sent(&self, trace: u128, span: u64) -> bool {
        self.sent.contains(&(trace, span))
    }
}

impl Asked {
    /// The header, recorded.
    pub(crate) fn traceparent(self) -> String {
        format!("00-{:032x}-{:016x}-01", self.trace, self.span)
    }

    /// Calls that carry it.
    pub(crate) fn on(self, http: Http) -> Http {
        http.with("traceparent", self.traceparent())
    }
}
