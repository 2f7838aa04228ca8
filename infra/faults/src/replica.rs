//! A control-plane process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::cluster::Settings;
use crate::network::{Proxy, is_ready};
use crate::place::free_port;
use crate::process::{Process, Program};
use crate::services::{Postgres, Redis};
use crate::wait::until;

/// What all replicas of a cluster have in common.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) insula: PathBuf,
    pub(crate) ca_file: PathBuf,
    pub(crate) operator_file: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) public: SocketAddr,
    pub(crate) home: PathBuf,
    pub(crate) environment: Vec<(String, String)>,
}

/// `insula server` with its own roads to Postgres and Redis. It keeps its port through restarts.
#[derive(Debug)]
pub struct Replica {
    shape: Shape,
    name: String,
    listen: SocketAddr,
    /// The road to Postgres.
    pub to_postgres: Proxy,
    /// The road to Redis.
    pub to_redis: Proxy,
    database_url: String,
    faketime: Option<(PathBuf, String)>,
    process: Option<Process>,
}

impl Replica {
    pub(crate) async fn start(
        shape: &Shape,
        postgres: &Postgres,
        redis: &Redis,
        settings: &Settings,
        index: usize,
    ) -> Self {
        let to_postgres = Proxy::to(postgres.address()).await;
        let mut replica = Self {
            shape: shape.clone(),
            name: format!("replica-{index}"),
            listen: (Ipv4Addr::LOCALHOST, free_port()).into(),
            database_url: postgres.url_at(to_postgres.address()),
            to_postgres,
            to_redis: Proxy::to(redis.address()).await,
            faketime: settings.faketime(index),
            process: None,
        };
        replica.up_as(settings.former.as_deref().unwrap_or(&shape.insula));
        replica
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// Starts it again, as a new incarnation of the program under test.
    pub fn up(&mut self) {
        let insula = self.shape.insula.clone();
        self.up_as(&insula);
    }

    fn up_as(&mut self, insula: &Path) {
        let mut program = Program::new(insula);
        if let Some((library, shift)) = &self.faketime {
            program = program.env("LD_PRELOAD", library).env("FAKETIME", shift);
            program = program.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let listen = self.listen.to_string();
        let redis = format!("redis://{}", self.to_redis.address());
        let public = self.shape.public.to_string();
        for (name, value) in &self.shape.environment {
            program = program.env(name, value);
        }
        let program = program
            .arg("server")
            .args([
                "--listen",
                &listen,
                "--advertise",
                &listen,
                "--public",
                &public,
            ])
            .args(["--database-url", &self.database_url, "--redis-url", &redis])
            .arg("--ca-file")
            .arg(&self.shape.ca_file)
            .arg("--operator-file")
            .arg(&self.shape.operator_file)
            .arg("--config")
            .arg(&self.shape.config);
        let log = self.shape.home.join(format!("{}.log", self.name));
        self.process = Some(program.start(&self.name, &log));
    }

    /// Waits until it says that it is ready.
    ///
    /// # Panics
    /// If it ends, or does not become ready.
    pub async fn until_ready(&mut self) {
        let address = self.address();
        let what = format!("{} to be ready", self.name);
        until(&what, || {
            self.process().assert_lives();
            async move { is_ready(address).await.then_some(()) }
        })
        .await;
    }

    /// As a power cut.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Nothing of it moves until it thaws.
    pub fn freeze(&mut self) {
        self.process().signal("STOP");
    }

    /// Goes on where it was frozen.
    pub fn thaw(&mut self) {
        self.process().signal("CONT");
    }

    /// Asks it to hand everything over and to end; waits until it has.
    ///
    /// # Panics
    /// If it does not end, or not well.
    pub async fn drain(&mut self) {
        let name = self.name.clone();
        let Some(mut process) = self.process.take() else {
            return;
        };
        process.signal("TERM");
        let status = until(&format!("the end of {name}"), || {
            let ended = process.ended();
            async move { ended }
        })
        .await;
        assert!(
            status.success(),
            "{name}: {status}: {}",
            process.last_words(30)
        );
    }

    /// Whether it runs, frozen or not.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// What it has logged so far, in all its incarnations.
    #[must_use]
    pub fn log(&self) -> String {
        let path = self.shape.home.join(format!("{}.log", self.name));
        String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
    }

    /// Its name in this test.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn process(&mut self) -> &mut Process {
        let name = &self.name;
        let process = self.process.as_mut();
        process.unwrap_or_else(|| panic!("the test disturbs {name}, which is not up"))
    }
}
