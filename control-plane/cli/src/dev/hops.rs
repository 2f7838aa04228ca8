//! How long a task took from hop to hop.

use std::fmt;

use insula_client::api::Event;

/// When a task passed each hop, as the events of its life say (microseconds since the unix epoch).
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Hops {
    submitted: Option<u64>,
    launched: Option<u64>,
    started: Option<u64>,
    ended: Option<u64>,
}

impl Hops {
    /// Learns from an event of the task.
    pub(super) fn learn(&mut self, event: &Event) {
        let state = event.state.as_deref();
        match (event.event.as_str(), state) {
            ("task_submitted", _) => self.submitted = Some(event.at),
            ("task_launched", _) => self.launched = Some(event.at),
            ("task_updated", Some("TASK_RUNNING")) => self.started = Some(event.at),
            ("task_updated", Some(_)) => self.ended = Some(event.at),
            _ => {}
        }
    }

    /// Whether the task is over.
    pub(super) fn is_complete(&self) -> bool {
        self.ended.is_some()
    }
}

impl fmt::Display for Hops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hops = [
            (
                "submitted, offered and accepted",
                self.submitted,
                self.launched,
            ),
            (
                "committed, sent, started, reported",
                self.launched,
                self.started.or(self.ended),
            ),
            ("ran, ended, reported", self.started, self.ended),
            ("in all", self.submitted, self.ended),
        ];
        let mut separator = "";
        for (what, from, to) in hops {
            if let (Some(from), Some(to)) = (from, to) {
                write!(
                    f,
                    "{separator}    {what:<36}{:>9}",
                    Millis(to.saturating_sub(from))
                )?;
                separator = "\n";
            }
        }
        Ok(())
    }
}

struct Millis(u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{} ms", self.0 / 1_000, self.0 / 100 % 10);
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event: &str, state: Option<&str>, at: u64) -> Event {
        Event {
            event: event.into(),
            state: state.map(Into::into),
            at,
            ..Event::default()
        }
    }

    #[test]
    fn hops_are_the_differences_of_events() {
        let mut hops = Hops::default();
        for event in [
            event("task_submitted", None, 1_000),
            event("task_launched", None, 3_300),
            event("task_updated", Some("TASK_RUNNING"), 8_000),
            event("task_updated", Some("TASK_FINISHED"), 10_000),
        ] {
            assert!(!hops.is_complete());
            hops.learn(&event);
        }
        assert!(hops.is_complete());
        let text = hops.to_string();
        assert!(text.contains("2.3 ms"), "{text}");
        assert!(text.contains("9.0 ms"), "{text}");
    }
}
