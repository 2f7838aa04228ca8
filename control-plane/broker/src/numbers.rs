//! Which number of which link a reader expects next: gaps, repetitions and silence.

use std::collections::HashMap;

use insula_types::LinkId;
use tokio::time::{Duration, Instant};

/// Why a link is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A message came with another number than the next one: something was lost, or repeated.
    #[error("message {expected} was expected and {got} came")]
    Number {
        /// The number that would have been right.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// The writer says that it sent another number of messages than came.
    #[error("{sent} messages were sent and {received} came")]
    Count {
        /// The number of the last message sent.
        sent: u64,
        /// The number of the last message received.
        received: u64,
    },
    /// Nothing was heard of the writer for too long, not even a beat.
    #[error("nothing was heard for {0:?}")]
    Silence(Duration),
}

/// A link is forgotten when nothing was heard of it for this many times the silence that breaks it:
/// until then what still comes of a broken one is known to be void. Bounds the table to the links
/// that wrote within that time.
const FORGOTTEN_AFTER: u32 = 6;

/// The links of one stream.
#[derive(Debug)]
pub(crate) struct Numbers {
    silence: Duration,
    links: HashMap<LinkId, Heard>,
}

#[derive(Debug)]
struct Heard {
    received: u64,
    at: Instant,
    broken: bool,
}

impl Numbers {
    pub(crate) fn new(silence: Duration) -> Self {
        Self {
            silence,
            links: HashMap::new(),
        }
    }

    /// Whether a message is the next one of its link. `Ok(false)` if the link is broken already.
    pub(crate) fn message(&mut self, link: &LinkId, seq: u64, now: Instant) -> Result<bool, Break> {
        let heard = self.heard(link, now);
        if heard.broken {
            return Ok(false);
        }
        let expected = heard.received + 1;
        if seq != expected {
            heard.broken = true;
            return Err(Break::Number { expected, got: seq });
        }
        heard.received = seq;
        Ok(true)
    }

    /// Whether all that the writer sent has come. `Ok(false)` if the link is broken already.
    pub(crate) fn sent(&mut self, link: &LinkId, last: u64, now: Instant) -> Result<bool, Break> {
        let heard = self.heard(link, now);
        if heard.broken {
            return Ok(false);
        }
        if heard.received != last {
            heard.broken = true;
            return Err(Break::Count {
                sent: last,
                received: heard.received,
            });
        }
        Ok(true)
    }

    /// The links that fell silent. `as_of` is a moment at which everything written before it had
    /// been read: a reader that was held up itself blames nobody.
    pub(crate) fn silent(&mut self, as_of: Instant) -> Vec<(LinkId, Break)> {
        let silence = self.silence;
        self.links
            .retain(|_, heard| as_of.duration_since(heard.at) < silence * FORGOTTEN_AFTER);
        let mut silent = Vec::new();
        for (link, heard) in &mut self.links {
            if !heard.broken && as_of.duration_since(heard.at) > silence {
                heard.broken = true;
                silent.push((link.clone(), Break::Silence(silence)));
            }
        }
        silent
    }

    /// Every link that was heard of is over.
    pub(crate) fn break_all(&mut self) {
        for heard in self.links.values_mut() {
            heard.broken = true;
        }
    }

    fn heard(&mut self, link: &LinkId, now: Instant) -> &mut Heard {
        let heard = self.links.entry(link.clone()).or_insert(Heard {
            received: 0,
            at: now,
            broken: false,
        });
        heard.at = now;
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(5);

    fn links() -> (Numbers, LinkId, Instant) {
        (Numbers::new(SILENCE), "replica.1".into(), Instant::now())
    }

    #[test]
    fn numbers_in_order_are_taken_and_beats_confirm_them() {
        let (mut numbers, link, now) = links();
        assert_eq!(numbers.sent(&link, 0, now), Ok(true));
        assert_eq!(numbers.message(&link, 1, now), Ok(true));
        assert_eq!(numbers.message(&link, 2, now), Ok(true));
        assert_eq!(numbers.sent(&link, 2, now), Ok(true));
    }

    #[test]
    fn a_gap_a_repetition_and_a_late_start_break_a_link_once() {
        for wrong in [1, 3] {
            let (mut numbers, link, now) = links();
            assert_eq!(numbers.message(&link, 1, now), Ok(true));
            let broken = Break::Number {
                expected: 2,
                got: wrong,
            };
            assert_eq!(numbers.message(&link, wrong, now), Err(broken));
            assert_eq!(numbers.message(&link, 2, now), Ok(false));
            assert_eq!(numbers.sent(&link, 9, now), Ok(false));
        }
        let (mut numbers, link, now) = links();
        assert!(numbers.message(&link, 7, now).is_err());
    }

    #[test]
    fn a_beat_tells_of_a_last_message_that_was_lost() {
        let (mut numbers, link, now) = links();
        assert_eq!(numbers.message(&link, 1, now), Ok(true));
        let broken = Break::Count {
            sent: 2,
            received: 1,
        };
        assert_eq!(numbers.sent(&link, 2, now), Err(broken));
    }

    #[test]
    fn a_silent_link_breaks_once_and_is_forgotten_later() {
        let (mut numbers, link, now) = links();
        let other: LinkId = "replica.2".into();
        assert_eq!(numbers.sent(&link, 0, now), Ok(true));
        assert_eq!(numbers.sent(&other, 0, now + SILENCE), Ok(true));
        assert_eq!(numbers.silent(now + SILENCE), []);
        let later = now + SILENCE + Duration::from_secs(1);
        assert_eq!(
            numbers.silent(later),
            [(link.clone(), Break::Silence(SILENCE))]
        );
        assert_eq!(numbers.silent(later), []);
        assert_eq!(numbers.message(&link, 1, later), Ok(false));

        numbers.silent(later + SILENCE * FORGOTTEN_AFTER);
        assert!(numbers.links.is_empty());
    }

    #[test]
    fn after_a_loss_only_links_never_heard_of_are_whole() {
        let (mut numbers, link, now) = links();
        assert_eq!(numbers.message(&link, 1, now), Ok(true));
        numbers.break_all();
        assert_eq!(numbers.message(&link, 2, now), Ok(false));
        assert_eq!(numbers.message(&"replica.2".into(), 1, now), Ok(true));
    }
}
