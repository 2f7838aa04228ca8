//! One run of the program.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::log::Log;
use super::{signal, until};

/// The program, which knows nothing of whoever runs the tests.
pub(super) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_insula"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("INSULA_") {
            command.env_remove(name);
        }
    }
    command
}

/// A run to be.
pub(crate) struct Insula {
    command: Command,
    input: Option<Vec<u8>>,
}

/// How a run went.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A run that goes on.
pub(crate) struct Running {
    child: Child,
    stdout: Log,
    stderr: Log,
}

impl Insula {
    pub(crate) fn new(args: &[&str]) -> Self {
        let mut command = program();
        command.args(args);
        Self {
            command,
            input: None,
        }
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What is piped in.
    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    pub(crate) fn spawn(mut self) -> Running {
        let stdin = self
            .input
            .as_ref()
            .map_or_else(Stdio::null, |_| Stdio::piped());
        self.command.stdin(stdin);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        if let (Some(input), Some(mut pipe)) = (self.input, child.stdin.take()) {
            // Whoever does not read it all closes the pipe.
            thread::spawn(move || drop(pipe.write_all(&input)));
        }
        Running {
            stdout: Log::of(child.stdout.take().unwrap()),
            stderr: Log::of(child.stderr.take().unwrap()),
            child,
        }
    }

    pub(crate) fn run(self) -> Ran {
        self.spawn().wait()
    }
}

impl Running {
    pub(crate) fn until_said(&self, text: &str) {
        self.stderr.until_said(text);
    }

    pub(crate) fn until_printed(&self, text: &str) {
        self.stdout.until_said(text);
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    pub(crate) fn wait(mut self) -> Ran {
        let status = until("the end of insula", || self.child.try_wait().unwrap());
        Ran {
            code: status.code(),
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only a failed test has not waited for it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ran {
    /// The standard output of a run that succeeded.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The standard error of a run that ended with this code and printed nothing.
    pub(crate) fn refused(self, code: i32) -> String {
        assert_eq!(
            (self.code, self.stdout.as_str()),
            (Some(code), ""),
            "{self:?}"
        );
        self.stderr
    }
}
