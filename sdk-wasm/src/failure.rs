//! How a task ends when it could not do its work.

use std::error::Error;
use std::io::{self, Write};
use std::num::NonZeroU8;
use std::process::ExitCode;

/// Why a task failed, and the exit code that says so.
///
/// Every error becomes one with `?`, and then exits with 1. It is not itself an
/// [`Error`](std::error::Error): it is where a program ends.
#[derive(Debug)]
pub struct Failure {
    code: NonZeroU8,
    reason: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// A failure with an exit code of its own, for whoever waits for the task.
    ///
    /// A WASI 0.2 component can only say that it failed, so there every code arrives as 1; natively
    /// and in WASI preview 1 it arrives as it is.
    pub fn new(code: NonZeroU8, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// The exit code.
    pub fn code(&self) -> NonZeroU8 {
        self.code
    }

    /// The reason and its causes, in one line.
    pub fn sentence(&self) -> String {
        let mut sentence = self.reason.to_string();
        let mut cause = self.reason.source();
        while let Some(error) = cause {
            sentence.push_str(": ");
            sentence.push_str(&error.to_string());
            cause = error.source();
        }
        sentence
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            code: NonZeroU8::MIN,
            reason: Box::new(error),
        }
    }
}

/// Runs `body`; on failure writes its sentence to stderr and gives its exit code. For `main`.
pub fn run(body: impl FnOnce() -> Result<(), Failure>) -> ExitCode {
    match body() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // When stderr is gone as well, the exit code is all that is left to say.
            let _ = writeln!(io::stderr(), "error: {}", failure.sentence());
            ExitCode::from(failure.code.get())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("cannot read the input")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn an_error_exits_with_one_and_names_its_causes() {
        let failure = Failure::from(Outer(io::Error::other("the disk is gone")));
        assert_eq!(failure.code().get(), 1);
        assert_eq!(
            failure.sentence(),
            "cannot read the input: the disk is gone"
        );
    }

    #[test]
    fn a_failure_exits_with_the_code_it_was_given() {
        let code = NonZeroU8::new(3).unwrap();
        let exit = run(|| Err(Failure::new(code, "no input")));
        assert_eq!(exit, ExitCode::from(3));
        assert_eq!(run(|| Ok(())), ExitCode::SUCCESS);
    }
}
