//! A Postgres of a test's own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::place::free_port;
use crate::process::{Process, Program, is_root, signal};
use crate::wait::until;

/// Who Postgres runs as when the test runs as root, which Postgres refuses.
const USER: &str = "postgres";

/// A server with its data directory; it keeps its port through restarts.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    home: PathBuf,
    port: u16,
    server: Option<Process>,
}

impl Postgres {
    /// Makes a data directory below `place` and starts a server on it.
    ///
    /// # Panics
    /// If Postgres does not come up.
    pub async fn start(programs: &Path, place: &Path) -> Self {
        let home = place.join("postgres");
        fs::create_dir(&home)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", home.display()));
        let mut postgres = Self {
            programs: programs.to_owned(),
            home,
            port: free_port(),
            server: None,
        };
        if is_root() {
            let own = [USER.as_ref(), postgres.home.as_os_str()];
            let _nothing = Program::new("chown").args(own).run();
        }
        let initdb = postgres
            .program("initdb")
            .args(["--no-sync", "-A", "trust"]);
        let _said = initdb
            .args(["-U", USER, "-E", "UTF8", "--locale=C", "-D"])
            .arg(postgres.data())
            .run();
        postgres.up().await;
        postgres
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// How a client reaches its database at another address, such as that of a proxy.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        format!("postgres://{USER}@{address}/postgres?sslmode=disable")
    }

    /// Starts it and waits until it answers.
    ///
    /// # Panics
    /// If it does not.
    pub async fn up(&mut self) {
        let port = self.port.to_string();
        let settings = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=60",
            "shared_buffers=32MB",
            "wal_level=replica",
        ];
        let log = self.home.with_extension("log");
        until("Postgres to answer", || {
            // After a kill the shared memory of the former server may be in use for a moment.
            let gone = self
                .server
                .as_mut()
                .is_none_or(|server| server.ended().is_some());
            if gone {
                let settings = settings.iter().flat_map(|setting| ["-c", *setting]);
                let server = self.program("postgres").arg("-D").arg(self.data());
                let server = server.args(["-p", &port]).args(settings);
                self.server = Some(server.start("postgres", &log));
            }
            let ready = self.program("pg_isready").args(["-q", "-h", "127.0.0.1"]);
            let ready = ready.args(["-p", &port, "-U", USER]).succeeds();
            async move { ready.then_some(()) }
        })
        .await;
    }

    /// Ends it in order: connections are cut, what is committed is written down.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn down(&mut self) {
        if let Some(mut server) = self.server.take() {
            // To the postmaster alone; its children are its own business.
            signal(&server.id().to_string(), "INT");
            until("the end of Postgres", || {
                let ended = server.ended();
                async move { ended }
            })
            .await;
        }
    }

    /// Kills it; what is committed is found again in the log when it starts.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Its children notice, and end.
            server.kill_alone();
        }
    }

    /// Copies its data as they are now.
    ///
    /// # Panics
    /// If that fails.
    pub fn backup(&self) {
        let port = self.port.to_string();
        let copy = self
            .program("pg_basebackup")
            .args(["-h", "127.0.0.1", "-p", &port]);
        let copy = copy.args(["-U", USER, "-c", "fast", "-X", "stream", "-D"]);
        let _said = copy.arg(self.copy()).run();
    }

    /// Puts the copy in the place of the data and starts on it.
    ///
    /// # Panics
    /// If there is no copy, or Postgres does not come up.
    pub async fn restore(&mut self) {
        self.down().await;
        fs::rename(self.data(), self.home.join("lost"))
            .and_then(|()| fs::rename(self.copy(), self.data()))
            .unwrap_or_else(|error| panic!("cannot put the backup in place: {error}"));
        self.up().await;
    }

    /// The rows that a statement returns, their columns separated by `|`.
    ///
    /// # Panics
    /// If the statement fails.
    #[must_use]
    pub fn query(&self, sql: &str) -> Vec<String> {
        let port = self.port.to_string();
        let psql = self
            .program("psql")
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1"]);
        let psql = psql.args(["-h", "127.0.0.1", "-p", &port, "-U", USER]);
        let answer = psql.args(["-d", "postgres", "-c", sql]).run();
        answer.lines().map(ToOwned::to_owned).collect()
    }

    fn program(&self, name: &str) -> Program {
        Program::new(self.programs.join(name)).owned_by(USER)
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn copy(&self) -> PathBuf {
        self.home.join("copy")
    }
}
