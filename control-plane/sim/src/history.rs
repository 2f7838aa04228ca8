//! What happened in a run: one line per event, and a hash over all of them.

use std::fmt::{self, Write as _};

use insula_types::Time;

/// When a simulated run begins: an arbitrary moment, so that epochs and times look like real ones.
pub(crate) const START: Time = Time(1_700_000_000_000_000);

/// The lines of a run. All are hashed; they are kept only if somebody wants to read them.
#[derive(Debug)]
pub struct History {
    lines: Vec<String>,
    keep: bool,
    hash: Fnv,
}

impl History {
    pub(crate) fn new(keep: bool) -> Self {
        Self {
            lines: Vec::new(),
            keep,
            hash: Fnv::default(),
        }
    }

    pub(crate) fn note(&mut self, at: Time, who: &dyn fmt::Display, what: fmt::Arguments<'_>) {
        let after = at.since(START).0;
        let (secs, micros) = (after / 1_000_000, after % 1_000_000);
        // Writing to the hash or to a string cannot fail.
        let _ = writeln!(self.hash, "{after} {who} {what}");
        if self.keep {
            self.lines
                .push(format!("{secs:>5}.{micros:06}  {who:<14} {what}"));
        }
    }

    /// The lines, oldest first; empty unless they were to be kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// A number that two runs share only if the same happened in them.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash.0
    }
}

/// The hash FNV-1a, 64 bits wide.
///
/// Source: Fowler, Noll, Vo; IETF draft "The FNV Non-Cryptographic Hash Algorithm".
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        let mut hash = Fnv::default();
        assert!(hash.write_str("foobar").is_ok());
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_hash_does_not_depend_on_whether_lines_are_kept() {
        let hash = |keep| {
            let mut history = History::new(keep);
            history.note(START, &"agent-1", format_args!("starts"));
            history.hash()
        };
        assert_eq!(hash(true), hash(false));
    }
}
