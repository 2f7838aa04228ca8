//! Where events go.

use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::time::SystemTime;

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines for people; coloured on a terminal.
    Text,
    /// A JSON object per line.
    Json,
}

/// A word that names no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log is written as text or as json")]
pub struct NotAFormat;

impl FromStr for Format {
    type Err = NotAFormat;

    fn from_str(word: &str) -> Result<Self, NotAFormat> {
        match word {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(NotAFormat),
        }
    }
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter is not in the notation.
    #[error("'{filter}' is not a log filter such as info or info,insula_server=debug")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// There is a logger already.
    #[error("logging was started before")]
    Twice,
}

/// Sends events that pass `filter` to standard error.
///
/// # Errors
/// See [`InitError`].
pub fn init(filter: &str, format: Format) -> Result<(), InitError> {
    let parsed = EnvFilter::try_new(filter).map_err(|source| InitError::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let builder = fmt::Subscriber::builder()
        .with_env_filter(parsed)
        .with_writer(std::io::stderr)
        .with_timer(SystemTime);
    let started = match format {
        Format::Json => tracing::subscriber::set_global_default(builder.json().finish()),
        Format::Text => {
            let ansi = std::io::stderr().is_terminal();
            tracing::subscriber::set_global_default(builder.with_ansi(ansi).finish())
        }
    };
    started.map_err(|_| InitError::Twice)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_wrong_filter_is_named_before_anything_starts() {
        let error = init("insula=loud", Format::Text).unwrap_err();
        assert!(error.to_string().contains("insula=loud"), "{error}");
    }
}
