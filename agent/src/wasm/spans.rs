//! Spans of what an executor process measured: it exports none itself.

use std::time::{Duration, SystemTime};

use insula_proto::insula::wasm::v1::{TaskState, Update};
use insula_telemetry::names::span;
use insula_telemetry::{Kind, Span};
use insula_types::{FrameworkKey, TraceContext};

/// Makes the spans of a guest that has ended, and says whether there was something to tell. When and
/// for how long it ran the driver tells, as it does of every task.
pub(super) fn of_guest(update: &Update, framework: &FrameworkKey, trace: &TraceContext) -> bool {
    let is_over = matches!(
        update.state(),
        TaskState::Finished | TaskState::Failed | TaskState::Killed
    );
    let Some(timings) = update.timings.filter(|_| is_over) else {
        return false;
    };
    // From the end back, since the end is what the executor dates.
    let began = timings.run.saturating_add(timings.instantiate);
    let came = began.saturating_add(timings.queued);
    let at = |before: u64| {
        let micros = u64::try_from(update.at_unix_us).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros.saturating_sub(before))
    };
    for (name, from, until) in [
        (span::WAIT_FOR_SLOT, came, began),
        (span::INSTANTIATE, began, timings.run),
    ] {
        if from > until {
            let span = Span::begin(name, Kind::Internal, trace).of(&framework.tenant);
            drop(span.from(at(from)).until(at(until)));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use insula_proto::insula::wasm::v1::Timings;

    #[test]
    fn only_an_end_with_timings_is_told() {
        let framework = FrameworkKey {
            tenant: "t".into(),
            framework: "f".into(),
        };
        let trace = TraceContext::start(1, 2, true);
        let mut update = Update {
            state: TaskState::Running.into(),
            timings: Some(Timings {
                queued: u64::MAX,
                instantiate: 2,
                run: u64::MAX,
            }),
            at_unix_us: -1,
            ..Update::default()
        };
        assert!(!of_guest(&update, &framework, &trace));
        update.state = TaskState::Failed.into();
        assert!(of_guest(&update, &framework, &trace));
        update.timings = None;
        assert!(!of_guest(&update, &framework, &trace));
    }
}
