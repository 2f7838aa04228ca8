//! When a cell has failed too often (rule R11).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use insula_kernel::Input;
use insula_types::RequestId;

/// Failures of any kind within [`WINDOW`] that a cell may have: whatever is wrong with it then comes
/// again and again, and loading it over and over takes the others' time.
const FAILURES_MAX: usize = 5;

/// See [`FAILURES_MAX`].
const WINDOW: Duration = Duration::from_secs(60);

/// What a cell failed on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Culprit {
    /// An input that its kernel panicked on.
    Input(Box<Input>),
    /// Changes that the database refused, in its words.
    Records(String),
}

/// The recent failures of one cell.
#[derive(Debug, Default)]
pub(super) struct Strikes {
    recent: VecDeque<(Instant, Culprit)>,
}

impl Strikes {
    /// Notes a failure; whether it is one too many: the same input failed twice, or there were too
    /// many failures of any kind.
    pub(super) fn strike(&mut self, now: Instant, culprit: Culprit) -> bool {
        let is_recent = |(at, _): &(Instant, Culprit)| now.duration_since(*at) < WINDOW;
        self.recent.retain(is_recent);
        let culprit = normal(culprit);
        let is_input = matches!(culprit, Culprit::Input(_));
        let failed_before = is_input && self.recent.iter().any(|(_, before)| *before == culprit);
        self.recent.push_back((now, culprit));
        failed_before || self.recent.len() >= FAILURES_MAX
    }
}

/// The same input comes under another number, or in another session, when its sender tries again.
fn normal(culprit: Culprit) -> Culprit {
    let Culprit::Input(mut input) = culprit else {
        return culprit;
    };
    if let Some(request) = input.request_mut() {
        *request = RequestId(0);
    }
    match &mut *input {
        Input::Call { session, .. } | Input::Agent { session, .. } => *session = "".into(),
        Input::Subscribe(subscribe) => {
            subscribe.session = "".into();
            subscribe.fresh = "".into();
        }
        _ => {}
    }
    Culprit::Input(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn withdraw(request: u64, task: &str) -> Culprit {
        Culprit::Input(Box::new(Input::Withdraw {
            request: RequestId(request),
            tenant: "t".into(),
            task: task.into(),
            grace: None,
        }))
    }

    #[test]
    fn an_input_that_fails_twice_is_one_too_many_whatever_its_number() {
        let mut strikes = Strikes::default();
        let now = Instant::now();
        assert!(!strikes.strike(now, withdraw(1, "a")));
        assert!(!strikes.strike(now, withdraw(2, "b")));
        assert!(strikes.strike(now, withdraw(3, "a")));
    }

    #[test]
    fn failures_that_are_long_past_are_forgotten() {
        let mut strikes = Strikes::default();
        let now = Instant::now();
        let refused = || Culprit::Records("a value out of range".to_owned());
        for _ in 1..FAILURES_MAX {
            assert!(!strikes.strike(now, refused()));
        }
        assert!(!strikes.strike(now + WINDOW, refused()));
        let mut strikes = Strikes::default();
        let failed = (0..FAILURES_MAX).map(|_| strikes.strike(now, refused()));
        assert_eq!(failed.last(), Some(true));
    }
}
