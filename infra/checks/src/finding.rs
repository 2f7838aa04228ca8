//! What a rule reports.

use std::fmt;

/// One violation: where it is and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the repository, with `:line` when there is one.
    pub place: String,
    /// One sentence: what is wrong, and the remedy.
    pub message: String,
}

impl Finding {
    /// A finding about a whole file or package.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }

    /// A finding at `line` (counted from 1) of `file`.
    pub fn at(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self::new(format!("{file}:{line}"), message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Fails the calling test with every finding on a line of its own.
///
/// # Panics
/// If `findings` is not empty: that is how a test fails.
pub fn assert_none(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} finding(s)\n{}\n",
        lines.len(),
        lines.join("\n")
    );
}
