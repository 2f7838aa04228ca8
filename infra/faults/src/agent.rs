//! An agent's process.

use std::path::{Path, PathBuf};

use crate::network::Proxy;
use crate::process::{Process, Program};

/// What an agent offers: room for many small tasks.
const RESOURCES: &str = "cpus:4;mem:4096;ports:[31000-32000]";

/// `insula agent` with its own road to the control plane. It keeps its work directory through
/// restarts, and so its identity and its tasks.
#[derive(Debug)]
pub struct Agent {
    insula: PathBuf,
    home: PathBuf,
    name: String,
    /// The road to the control plane.
    pub to_control_plane: Proxy,
    join: String,
    process: Option<Process>,
}

impl Agent {
    /// Starts an agent that joins with a token made for the address of its proxy.
    pub(crate) fn start(
        insula: &Path,
        home: &Path,
        name: &str,
        to_control_plane: Proxy,
        join: String,
    ) -> Self {
        let mut agent = Self {
            insula: insula.to_owned(),
            home: home.to_owned(),
            name: name.to_owned(),
            to_control_plane,
            join,
            process: None,
        };
        agent.up();
        agent
    }

    /// Starts it again.
    pub fn up(&mut self) {
        let agent = Program::new(&self.insula)
            .args(["agent", "--no-cgroups", "--keep-alive", "1"])
            .args(["--resources", RESOURCES])
            .args(["--hostname", &self.name, "--join", &self.join])
            .arg("--work-dir")
            .arg(self.home.join(&self.name));
        let log = self.home.join(format!("{}.log", self.name));
        self.process = Some(agent.start(&self.name, &log));
    }

    /// As a power cut for the agent alone: its tasks and whoever holds them live on.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill_alone();
        }
    }

    /// Fails the test if it has ended by itself.
    ///
    /// # Panics
    /// If it has.
    pub fn assert_lives(&mut self) {
        if let Some(process) = &mut self.process {
            process.assert_lives();
        }
    }

    /// Its name in this test, which is its host's name in the cluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
