//! Where a trace of ours came from, kept in our entry of `tracestate`.

use super::TraceContext;
use super::text::{TRACESTATE_BYTES_MAX, hex};

/// Our key in `tracestate`, with its sign.
const OURS: &str = "insula=";

/// What precedes the first span of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A span of whoever asked, in the same trace.
    Caller {
        /// Its id.
        span_id: u64,
    },
    /// An earlier start of the same task, in a trace of its own.
    Earlier {
        /// That trace.
        trace_id: u128,
        /// Its first span.
        span_id: u64,
    },
}

impl TraceContext {
    /// A span of ours in the trace of a caller, which it remembers: the first span of a task is made
    /// from the task's row, by whichever replica has it, and needs its parent then.
    #[must_use]
    pub fn called_by(caller: &Self, span_id: u64) -> Self {
        let entry = format!("{OURS}p:{:016x}", caller.span_id);
        let inherited = caller.with_span(span_id);
        inherited.with_entry(&entry)
    }

    /// The same place in the trace, with nothing before it.
    #[must_use]
    pub fn without_origin(&self) -> Self {
        if !self.tracestate().contains(OURS) {
            return self.clone();
        }
        let others = self.tracestate().split(',').map(str::trim);
        let others: Vec<&str> = others.filter(|other| !other.starts_with(OURS)).collect();
        Self {
            state: (!others.is_empty()).then(|| others.join(",").into()),
            ..self.clone()
        }
    }

    /// A trace of its own for another start of a task, derived from the first one's and the `attempt`,
    /// so that the kernel needs no randomness.
    #[must_use]
    pub fn again(&self, attempt: u32) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let halves = self.trace_id.to_be_bytes();
        let (high, low) = halves.split_at(8);
        let seed = |half: &[u8]| half.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        let salt = u64::from(attempt);
        let high = mixed(seed(high) ^ salt);
        let low = mixed(seed(low) ^ high);
        let trace_id = u128::from(high) << 64 | u128::from(low);
        let fresh = Self::start(trace_id, mixed(self.span_id ^ low), self.is_sampled());
        fresh.with_entry(&format!(
            "{OURS}a:{:032x}-{:016x}",
            self.trace_id, self.span_id
        ))
    }

    /// What our entry of `tracestate` says; nothing if there is none, or it is not of our making.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        let entries = self.tracestate().split(',').map(str::trim);
        let said = entries
            .filter_map(|entry| entry.strip_prefix(OURS))
            .next()?;
        match said.split_once(':')? {
            ("p", span) => Some(Origin::Caller {
                span_id: span_of(span)?,
            }),
            ("a", both) => {
                let (trace, span) = both.split_once('-')?;
                Some(Origin::Earlier {
                    trace_id: u128::from_str_radix(hex(trace, 32)?, 16).ok()?,
                    span_id: span_of(span)?,
                })
            }
            _ => None,
        }
    }

    /// With our entry first, in place of a former one; without the others if they leave no room.
    fn with_entry(&self, entry: &str) -> Self {
        let others = self.tracestate().split(',').map(str::trim);
        let others = others.filter(|other| !other.is_empty() && !other.starts_with(OURS));
        let mut state = entry.to_owned();
        for other in others {
            if state.len() + 1 + other.len() > TRACESTATE_BYTES_MAX {
                break;
            }
            state.push(',');
            state.push_str(other);
        }
        Self {
            state: Some(state.into()),
            ..self.clone()
        }
    }
}

fn span_of(text: &str) -> Option<u64> {
    u64::from_str_radix(hex(text, 16)?, 16).ok()
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): every bit of the seed moves every other.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_task_stays_in_its_callers_trace_and_remembers_the_caller() {
        let caller = TraceContext::parse(GIVEN, "insula=x:1, vendor=2");
        let task = TraceContext::called_by(&caller, 7);
        assert_eq!(task.trace_id(), caller.trace_id());
        assert_eq!(task.tracestate(), "insula=p:00f067aa0ba902b7,vendor=2");
        let span_id = caller.span_id();
        assert_eq!(task.origin(), Some(Origin::Caller { span_id }));
        let read = TraceContext::parse(&task.traceparent(), task.tracestate());
        assert_eq!(read, task);
    }

    #[test]
    fn a_callers_own_origin_is_not_taken_for_ours() {
        let caller = TraceContext::parse(GIVEN, "a=1,insula=p:00f067aa0ba902b7, vendor=2");
        let ours = caller.without_origin();
        assert_eq!(ours.tracestate(), "a=1,vendor=2");
        assert_eq!((ours.origin(), ours.span_id()), (None, caller.span_id()));
        let alone = TraceContext::parse(GIVEN, "insula=p:00f067aa0ba902b7");
        assert_eq!(alone.without_origin(), TraceContext::parse(GIVEN, ""));
    }

    #[test]
    fn another_start_has_a_trace_of_its_own_that_leads_back() {
        let first = TraceContext::parse(GIVEN, "");
        let (second, third) = (first.again(1), first.again(2));
        assert_ne!(second.trace_id(), first.trace_id());
        assert_ne!(second.trace_id(), third.trace_id());
        assert_eq!(second, first.again(1));
        let origin = Origin::Earlier {
            trace_id: first.trace_id(),
            span_id: first.span_id(),
        };
        assert_eq!(second.origin(), Some(origin));
        assert!(TraceContext::default().again(1).is_empty());
    }

    #[test]
    fn a_state_without_room_loses_the_others_first() {
        let caller = TraceContext::parse(GIVEN, &format!("a={}", "b".repeat(505)));
        let task = TraceContext::called_by(&caller, 7);
        assert!(task.tracestate().len() <= TRACESTATE_BYTES_MAX);
        assert!(task.origin().is_some());
    }

    #[test]
    fn what_others_wrote_under_our_name_is_passed_over() {
        for state in [
            "",
            "insula=",
            "insula=p:1",
            "insula=a:12-34",
            "x=insula=p:1",
        ] {
            assert_eq!(TraceContext::parse(GIVEN, state).origin(), None, "{state}");
        }
    }
}
