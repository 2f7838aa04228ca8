//! A directory for a test, which it leaves as it found it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::signal;

/// Fault tests disturb each other: the tests of a binary take turns.
static TURN: Mutex<()> = Mutex::new(());

/// How long a killed process may take to be gone.
const GONE: Duration = Duration::from_secs(10);

/// Holds everything that a test writes. When it is dropped, every process that was started for it
/// and what those have started is ended, and the directory is removed.
#[derive(Debug)]
pub struct Place {
    dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Place {
    /// Waits for the test's turn, then makes the directory.
    ///
    /// # Panics
    /// If the directory cannot be made.
    #[must_use]
    pub fn new() -> Self {
        // A test that failed has nothing that the next one could find broken.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::Builder::new().prefix("insula-faults-").tempdir();
        let dir = dir.unwrap_or_else(|error| panic!("cannot make a directory: {error}"));
        // Postgres runs as a user of its own and has to pass.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711))
            .unwrap_or_else(|error| panic!("cannot open the directory to others: {error}"));
        Self { dir, _turn: turn }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A file in it with these contents, which only its owner may read.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, contents)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    /// Processes of this machine that were started for it: their command line or their environment
    /// names it.
    fn processes(&self) -> Vec<u32> {
        let needle = self.path().as_os_str().as_bytes();
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| *pid != std::process::id())
            .filter(|pid| names(*pid, needle))
            .collect()
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let deadline = Instant::now() + GONE;
        loop {
            let left = self.processes();
            if left.is_empty() || Instant::now() > deadline {
                break;
            }
            for pid in left {
                signal(&pid.to_string(), "KILL");
            }
            thread::sleep(Duration::from_millis(10));
        }
        let keep = std::env::var_os("INSULA_FAULTS_KEEP").is_some_and(|value| value == "1");
        self.dir.disable_cleanup(keep);
    }
}

fn names(pid: u32, needle: &[u8]) -> bool {
    ["cmdline", "environ"].iter().any(|file| {
        // A process that has just ended has neither.
        let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        text.windows(needle.len()).any(|window| window == needle)
    })
}

/// A loopback port that nobody listens on now.
///
/// # Panics
/// If there is none.
pub(crate) fn free_port() -> u16 {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
    bound
        .unwrap_or_else(|error| panic!("there is no free port: {error}"))
        .port()
}
