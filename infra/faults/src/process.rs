//! Processes that a test starts, disturbs and ends.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A program to start: which one, its arguments, and what it finds in its environment.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    user: Option<&'static str>,
}

/// A process in a group of its own. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// A program by its path or name.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            user: None,
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        self.args.extend(args);
        self
    }

    /// With a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let pair = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.env.push(pair);
        self
    }

    /// As another user, if the test runs as root; else as whoever runs the test.
    #[must_use]
    pub(crate) fn owned_by(mut self, user: &'static str) -> Self {
        self.user = Some(user);
        self
    }

    /// Starts it; both its outputs are appended to the file.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(self, name: &str, log: &Path) -> Process {
        let open = File::options().create(true).append(true).open(log);
        let out = open.unwrap_or_else(|error| panic!("cannot write {}: {error}", log.display()));
        let err = out
            .try_clone()
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", log.display()));
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Process {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it cannot be started or does not succeed, with what it said.
    #[must_use]
    pub fn run(self) -> String {
        let shown = self.path.display().to_string();
        let output = self.command().stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{shown} failed: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether it runs to its end and succeeds.
    pub(crate) fn succeeds(self) -> bool {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let status = command.stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// The kernel kills it when the thread that started it is gone: a test that is killed itself
    /// leaves nothing behind.
    fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = self.user.filter(|_| is_root()) {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.arg("--").arg(&self.path).args(&self.args);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("INSULA_") {
                command.env_remove(name);
            }
        }
        command.envs(self.env.iter().cloned());
        // Another user may not be allowed to enter the directory that the test runs in.
        command.current_dir("/").process_group(0);
        command
    }
}

impl Process {
    /// The process id, which is that of its group as well.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the whole group, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        signal(&format!("-{}", self.id()), name);
    }

    /// As a power cut for this process: it gets no chance to say goodbye.
    pub fn kill(&mut self) {
        self.signal("KILL");
        let _ended = self.wait();
    }

    /// As [`Self::kill`], but what it has started lives on.
    pub fn kill_alone(&mut self) {
        signal(&self.id().to_string(), "KILL");
        let _ended = self.wait();
    }

    /// Its exit status, if it has ended.
    ///
    /// # Panics
    /// If the system cannot say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait();
        status.unwrap_or_else(|error| panic!("cannot ask for the end of {}: {error}", self.name))
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If the system cannot say.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait();
        status.unwrap_or_else(|error| panic!("cannot wait for {}: {error}", self.name))
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Fails the test if it has ended by itself.
    ///
    /// # Panics
    /// If it has, with the last of what it wrote.
    pub fn assert_lives(&mut self) {
        if let Some(status) = self.ended() {
            let how = status
                .signal()
                .map_or_else(|| status.to_string(), |signal| format!("signal {signal}"));
            panic!("{} ended ({how}): {}", self.name, tail(&self.log(), 30));
        }
    }

    /// The last lines of what it wrote.
    #[must_use]
    pub fn last_words(&self, lines: usize) -> String {
        tail(&self.log(), lines)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        self.signal("CONT");
        self.signal("KILL");
        // Nothing is left to do about a process that cannot be waited for.
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process, or to a group by its negative number; one that has just ended does
/// not get it.
///
/// # Panics
/// If there is no shell.
pub fn signal(target: &str, name: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("kill -s {name} -- {target}")]);
    let sent = shell.stdin(Stdio::null()).stderr(Stdio::null()).status();
    let _ended_before = sent.unwrap_or_else(|error| panic!("cannot run sh: {error}"));
}

/// Whether the test runs as root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
