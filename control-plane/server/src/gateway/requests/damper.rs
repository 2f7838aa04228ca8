//! Keeps a log readable while everything fails.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests that fail alike are told of at most once within this time.
const EACH: Duration = Duration::from_secs(1);

/// Which requests fail alike: their route and kind of failure, both from closed sets, so that this is
/// small.
type Alike = (&'static str, &'static str);

/// When what was last told.
#[derive(Debug, Default)]
pub(super) struct Damper(Mutex<HashMap<Alike, Last>>);

#[derive(Debug)]
struct Last {
    told: Instant,
    left_out: u64,
}

impl Damper {
    /// How many others were left out since the last time, if this one is to be told of.
    pub(super) fn tells(&self, alike: Alike, now: Instant) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = all.get_mut(&alike) else {
            let last = Last {
                told: now,
                left_out: 0,
            };
            all.insert(alike, last);
            return Some(0);
        };
        if now.duration_since(last.told) < EACH {
            last.left_out += 1;
            return None;
        }
        last.told = now;
        Some(std::mem::take(&mut last.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_alike_is_told_once_a_second_with_the_number_of_the_others() {
        let damper = Damper::default();
        let now = Instant::now();
        let away = ("/v1/tasks", "unavailable");
        assert_eq!(damper.tells(away, now), Some(0));
        assert_eq!(damper.tells(away, now), None);
        assert_eq!(damper.tells(("/v1/tasks", "internal"), now), Some(0));
        assert_eq!(damper.tells(away, now), None);
        assert_eq!(damper.tells(away, now + EACH), Some(2));
        assert_eq!(damper.tells(away, now + 2 * EACH), Some(0));
    }
}
