//! Starting a shepherd.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use insula_isolation::process::PidFd;
use insula_isolation::spawn::{Command, Stream};

use super::{Error, Options};

/// A log of its own words that has grown beyond this is set aside before a new shepherd starts.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// The program that runs as shepherd: the agent's own.
#[derive(Clone, Debug)]
pub struct Program {
    /// Usually [`std::env::current_exe`].
    pub exe: PathBuf,
    /// What comes before the options: the name of the hidden subcommand.
    pub args: Vec<OsString>,
}

/// Starts a shepherd in a session of its own, with nothing of this process but the program: it outlives this process,
/// and no terminal's Ctrl-C reaches it. It says what it has to say in `shepherd.log` of its directory.
///
/// It returns when the program runs; the shepherd may still find that another one owns the directory, and end.
///
/// # Errors
/// [`Error::File`] if the directory cannot be made, [`Error::Spawn`] if the program cannot be started.
pub fn spawn(program: &Program, options: &Options) -> Result<PidFd, Error> {
    let dir = options.dir.as_path();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| Error::file("create", dir, source))?;
    let log = dir.join("shepherd.log");
    set_aside_if_long(&log)?;

    let argv = [OsString::from(&program.exe)]
        .into_iter()
        .chain(program.args.iter().cloned());
    let mut command = Command::new(argv.chain(options.to_args()));
    command.stdout = Stream::Append(log.clone());
    command.stderr = Stream::Append(log);
    command.new_session = true;
    Ok(command.start()?)
}

fn set_aside_if_long(log: &Path) -> Result<(), Error> {
    if fs::metadata(log).is_ok_and(|meta| meta.len() > LOG_BYTES_MAX) {
        let old = log.with_extension("log.old");
        fs::rename(log, old).map_err(|source| Error::file("rename", log, source))?;
    }
    Ok(())
}
