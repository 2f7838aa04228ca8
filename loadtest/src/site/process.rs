//! A process that is started, measured and ended.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::error::Error;

/// What the processes log: what happens, and every commit.
const LOG: &str = "info,insula_server::partition::commit=debug";

/// A process of the control plane. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it says goes to the file. The kernel kills it when this program is gone.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Run`].
    pub(crate) fn start(command: Command, log: PathBuf) -> Result<Self, Error> {
        Self::start_with(command, log, &[])
    }

    /// Starts it with variables in its environment.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Run`].
    pub(crate) fn start_with(
        command: Command,
        log: PathBuf,
        variables: &[(&'static str, String)],
    ) -> Result<Self, Error> {
        let file = |source| Error::File {
            path: log.clone(),
            source,
        };
        let out = File::create(&log).map_err(file)?;
        let err = out.try_clone().map_err(file)?;
        let program = command.get_program();
        let mut child = Command::new("setpriv");
        child
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(command.get_args());
        child
            .env("INSULA_LOG", LOG)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err);
        let child = child.spawn().map_err(|source| Error::Run {
            path: program.into(),
            source,
        })?;
        Ok(Self { child, log })
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// [`Error::System`] if it is gone already.
    pub(crate) fn kill(&mut self) -> Result<(), Error> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to hand over what it has and to end; does not wait.
    ///
    /// # Errors
    /// [`Error::System`] if it cannot be asked.
    pub(crate) fn terminate(&self) -> Result<(), Error> {
        let mut kill = Command::new("sh");
        kill.args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status()?;
        Ok(())
    }

    /// Memory that it uses, in MiB; 0 once it is gone.
    pub(crate) fn memory_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() / 1_024
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last line that it has logged and that is no commit.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let mut lines = log.lines().rev();
        lines
            .find(|line| !line.contains(" committed "))
            .unwrap_or_default()
            .to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended is no different.
        let _ = self.kill();
    }
}
