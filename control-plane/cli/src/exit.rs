//! Exit codes, and errors that carry one.
//!
//! `insula run` exits with the task's own code; the codes here are those that shells and container
//! tools use for the same cases, so that scripts need not learn new ones.

use std::fmt;

use insula_client::Error as ClientError;
use insula_client::api::ErrorDetail;
use insula_types::ErrorCode;

/// Everything went well.
pub(crate) const OK: u8 = 0;
/// Something failed; the error says what.
pub(crate) const FAILED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// A task was stopped because it ran longer than `--timeout`, as `timeout(1)` reports it.
pub(crate) const TIMED_OUT: u8 = 124;
/// A task ended without an exit code: it could not be started, or was lost.
pub(crate) const NOT_RUN: u8 = 125;
/// A signal ended the task: this plus the signal's number.
pub(crate) const SIGNALLED: u8 = 128;

/// Ctrl-C ended this program itself.
pub(crate) const INTERRUPTED: u8 = SIGNALLED + 2;

/// What a command ends with if it fails: a sentence, causes, a hint and a code.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    pub(crate) code: u8,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lasting,
    Passing,
    ReaderGone,
}

impl Failure {
    /// A failure with a sentence of its own.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            code: FAILED,
            kind: Kind::Lasting,
        }
    }

    /// Whoever read standard output has seen enough (`| head`): a reason to stop without a word.
    pub(crate) fn reader_gone() -> Self {
        Self {
            code: OK,
            kind: Kind::ReaderGone,
            ..Self::new("nobody reads standard output any more")
        }
    }

    /// Whether there is nobody left to print for.
    pub(crate) fn is_reader_gone(&self) -> bool {
        self.kind == Kind::ReaderGone
    }

    /// Whether the same may succeed in a moment: something is away or busy now.
    pub(crate) fn is_passing(&self) -> bool {
        self.kind == Kind::Passing
    }

    /// A wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(message).code(USAGE)
    }

    /// Adds what to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Ends the program with another code.
    pub(crate) fn code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// What failed, without causes and hint.
    pub(crate) fn sentence(&self) -> &str {
        &self.message
    }

    /// Puts what it was about in front, for example the name of a file.
    pub(crate) fn about(self, what: &dyn fmt::Display) -> Self {
        Self {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }

    /// An error with all its causes.
    pub(crate) fn from_error(error: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            let said = failure
                .causes
                .last()
                .unwrap_or(&failure.message)
                .contains(&cause_text);
            if !said {
                failure.causes.push(cause_text);
            }
            source = cause.source();
        }
        failure
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self {
            hint: hint(&error),
            kind: kind(&error),
            ..Self::from_error(&error)
        }
    }
}

fn hint(error: &ClientError) -> Option<String> {
    match error {
        ClientError::Unreachable { .. } => {
            Some("start one with `insula dev`, or name another with --url or INSULA_URL".to_owned())
        }
        ClientError::Refused(ErrorDetail { hint, .. }, _) => hint.clone(),
        ClientError::Address { .. }
        | ClientError::Protocol { .. }
        | ClientError::BrokenOff { .. } => None,
    }
}

fn kind(error: &ClientError) -> Kind {
    match error {
        ClientError::Unreachable { .. } | ClientError::BrokenOff { .. } => Kind::Passing,
        ClientError::Refused(detail, _) => match detail.code {
            ErrorCode::Unavailable | ErrorCode::ResourceExhausted => Kind::Passing,
            _ => Kind::Lasting,
        },
        ClientError::Address { .. } | ClientError::Protocol { .. } => Kind::Lasting,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            write!(f, "\n  because: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);
    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner;

    #[test]
    fn a_failure_reads_from_what_to_why_to_what_to_do() {
        let failure = Failure::from_error(&Outer(Inner)).hint("do this");
        assert_eq!(
            failure.to_string(),
            "error: outer\n  because: inner\n  hint: do this"
        );
    }
}
