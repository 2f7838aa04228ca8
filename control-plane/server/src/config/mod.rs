//! The configuration file of a replica: durations, one on each line.
//!
//! ```text
//! # A comment.
//! lease_ttl = 5s
//! lease_renewal = 1500ms
//! ```
//!
//! What is not in the file has its default; a key that is not known, or is there twice, is an error.
//! `control-plane/docs/configuration.md` has the table of all keys, which a test keeps equal to
//! `keys::KEYS`.

mod keys;
mod span;

use std::fmt::Write as _;

use crate::durations::{Durations, Unworkable};
use keys::KEYS;

/// Longest file that is read, in bytes: every key with a page of comment.
pub const FILE_BYTES_MAX: usize = 64 << 10;

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is too long to be one.
    #[error("the file has more than {FILE_BYTES_MAX} bytes")]
    TooLong,
    /// A line is not of the form.
    #[error("line {line} is not of the form key = value")]
    Form {
        /// Which, from 1.
        line: usize,
    },
    /// A key that there is not.
    #[error(
        "line {line}: there is no key '{key}'; `insula server --print-config` prints all of them"
    )]
    Unknown {
        /// Which line, from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A key that has a value already.
    #[error("line {line}: '{key}' is set twice")]
    Twice {
        /// Which line, from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A value that is no duration.
    #[error("line {line}: '{value}' is no duration such as 1500ms, 5s or 2m")]
    Value {
        /// Which line, from 1.
        line: usize,
        /// The value.
        value: String,
    },
    /// Durations that cannot work together.
    #[error(transparent)]
    Unworkable(#[from] Unworkable),
}

/// Reads a file.
///
/// # Errors
/// See [`ConfigError`].
pub fn parse(text: &str) -> Result<Durations, ConfigError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(ConfigError::TooLong);
    }
    let mut durations = Durations::default();
    let mut seen = Vec::new();
    for (index, content) in text.lines().enumerate() {
        let line = index + 1;
        let content = content.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        let (name, value) = content.split_once('=').ok_or(ConfigError::Form { line })?;
        let (name, value) = (name.trim(), value.trim());
        let unknown = || ConfigError::Unknown {
            line,
            key: name.to_owned(),
        };
        let key = KEYS
            .iter()
            .find(|key| key.name == name)
            .ok_or_else(unknown)?;
        if seen.contains(&key.name) {
            let key = name.to_owned();
            return Err(ConfigError::Twice { line, key });
        }
        seen.push(key.name);
        *(key.field)(&mut durations) = span::parse(value).ok_or_else(|| ConfigError::Value {
            line,
            value: value.to_owned(),
        })?;
    }
    durations.check()?;
    Ok(durations)
}

/// A file that says what is so already, with a comment on each key.
#[must_use]
pub fn print(durations: &Durations) -> String {
    let mut text = String::new();
    for key in &KEYS {
        let value = span::print(*(key.field)(&mut durations.clone()));
        // Writing to a string does not fail.
        let _ = writeln!(text, "# {}\n{} = {value}", key.says, key.name);
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        let durations = Durations {
            lease_ttl: Duration::from_millis(2_500),
            lease_renewal: Duration::from_millis(500),
            ..Durations::default()
        };
        assert_eq!(parse(&print(&durations)), Ok(durations));
        assert_eq!(parse(""), Ok(Durations::default()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let refused = |text: &str| parse(text).unwrap_err().to_string();
        assert!(refused("lease_ttl 5s").starts_with("line 1 is not of the form"));
        assert!(refused("# x\n\nlease_tll = 5s").contains("line 3: there is no key 'lease_tll'"));
        assert!(
            refused("heartbeat = 5s\nheartbeat = 6s").contains("line 2: 'heartbeat' is set twice")
        );
        for value in [
            "",
            "5",
            "5 s",
            "-5s",
            "5h",
            "1e3ms",
            "99999999999999999999s",
        ] {
            let text = format!("heartbeat = {value}");
            assert!(refused(&text).contains("is no duration"), "{value}");
        }
        assert!(refused("lease_ttl = 1s").contains("lease_ttl"));
    }

    #[test]
    fn the_documented_table_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let documented = std::fs::read_to_string(path).unwrap();
        for key in &KEYS {
            let value = span::print(*(key.field)(&mut Durations::default()));
            let row = format!("| `{}` | {value} | {} |", key.name, key.says);
            assert!(documented.contains(&row), "this row is missing: {row}");
        }
        let rows = documented.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(rows.count(), KEYS.len(), "a row of no key");
    }
}
