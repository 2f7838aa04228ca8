//! A directory for a story, which it leaves as it found it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Dev, leftovers, signal, until};

/// Has the data of control planes and agents. When it is dropped, everything that was started for it
/// must have ended by itself.
pub(crate) struct Place {
    dir: TempDir,
    agents: RefCell<Vec<String>>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::Builder::new()
                .prefix("insula-story-")
                .tempdir()
                .unwrap(),
            agents: RefCell::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A file with these contents.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// `insula dev` on a free port, once everything is connected.
    pub(crate) fn dev(&self, args: &[&str]) -> Dev<'_> {
        self.dev_at("127.0.0.1:0", args)
    }

    /// `insula dev` on a port that clients know already.
    pub(crate) fn dev_at(&self, listen: &str, args: &[&str]) -> Dev<'_> {
        let data = self.path().join("data");
        let data = ["--data-dir", data.to_str().unwrap()];
        Dev::start(self, listen, &[&data, args].concat())
    }

    /// Processes that were started for it and still live.
    pub(crate) fn processes(&self) -> Vec<u32> {
        leftovers::processes(self.path())
    }

    /// Ends what a failed test has left: in order if it listens, since a shepherd then takes its control
    /// groups away.
    fn clear_away(&self) {
        self.end_what_lingers();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.processes().is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        for pid in self.processes() {
            eprintln!("killing process {pid}, which the failed test has left");
            signal(pid, "KILL");
        }
    }

    /// Asks what waits for somebody to come back to end now.
    pub(crate) fn end_what_lingers(&self) {
        for pid in self.processes() {
            signal(pid, "TERM");
        }
    }

    /// An agent that must leave no control group.
    pub(crate) fn met(&self, agent: &str) {
        self.agents.borrow_mut().push(agent.to_owned());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if thread::panicking() {
            self.clear_away();
            return;
        }
        until("the end of all processes", || {
            self.processes().is_empty().then_some(())
        });
        for agent in self.agents.borrow().iter() {
            let left = leftovers::groups(agent);
            assert!(left.is_empty(), "control groups are left: {left:?}");
        }
    }
}
