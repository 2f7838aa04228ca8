//! Label values that somebody else chooses.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What the rest is called.
pub const OTHER: &str = "other";

/// The first so many names that come by. It never forgets one, so that no series ends in the middle.
#[derive(Debug)]
pub struct Bounded {
    max: usize,
    known: Mutex<BTreeSet<String>>,
}

impl Bounded {
    /// At most so many.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            max,
            known: Mutex::default(),
        }
    }

    /// What a name is called: itself, or [`OTHER`] if there are too many before it.
    pub fn name(&self, name: &str) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(name) {
            return name.to_owned();
        }
        if known.len() >= self.max {
            return OTHER.to_owned();
        }
        known.insert(name.to_owned());
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_come_first_keep_their_names() {
        let names = Bounded::new(2);
        assert_eq!(names.name("b"), "b");
        assert_eq!(names.name("a"), "a");
        assert_eq!(names.name("c"), OTHER);
        assert_eq!(names.name("b"), "b");
    }
}
