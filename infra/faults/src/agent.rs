//! An agent's process.

use std::net::{Ipv4Addr, SocketAddr};

use crate::network::Proxy;
use crate::place::free_port;
use crate::process::{Process, Program};
use crate::replica::Shape;

/// What an agent offers: room for many small tasks.
const RESOURCES: &str = "cpus:4;mem:4096;ports:[31000-32000]";

/// `insula agent` with its own road to the control plane. It keeps its work directory through
/// restarts, and so its identity and its tasks.
#[derive(Debug)]
pub struct Agent {
    shape: Shape,
    name: String,
    /// The road to the control plane.
    pub to_control_plane: Proxy,
    join: String,
    metrics: SocketAddr,
    process: Option<Process>,
}

impl Agent {
    /// Starts an agent that joins with a token made for the address of its proxy.
    pub(crate) fn start(shape: &Shape, name: &str, to_control_plane: Proxy, join: String) -> Self {
        let mut agent = Self {
            shape: shape.clone(),
            name: name.to_owned(),
            to_control_plane,
            join,
            metrics: (Ipv4Addr::LOCALHOST, free_port()).into(),
            process: None,
        };
        agent.up();
        agent
    }

    /// Starts it again.
    pub fn up(&mut self) {
        let mut agent = Program::new(&self.shape.insula)
            .args(["agent", "--no-cgroups", "--keep-alive", "1"])
            .args(["--resources", RESOURCES])
            .args(["--hostname", &self.name, "--join", &self.join])
            .args(["--metrics", &self.metrics.to_string()])
            .arg("--work-dir")
            .arg(self.shape.home.join(&self.name));
        for (name, value) in &self.shape.environment {
            agent = agent.env(name, value);
        }
        let log = self.shape.home.join(format!("{}.log", self.name));
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

    /// Where it shows its metrics.
    #[must_use]
    pub fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    /// Its name in this test, which is its host's name in the cluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
