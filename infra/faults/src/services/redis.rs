//! A Redis of a test's own.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::place::free_port;
use crate::process::{Process, Program};
use crate::wait::until;

/// A server that keeps nothing on disk and keeps its port through restarts.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    home: PathBuf,
    port: u16,
    server: Option<Process>,
}

impl Redis {
    /// Starts a server below `place`.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start(program: &Path, place: &Path) -> Self {
        let home = place.join("redis");
        fs::create_dir(&home)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", home.display()));
        let mut redis = Self {
            program: program.to_owned(),
            home,
            port: free_port(),
            server: None,
        };
        redis.up().await;
        redis
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Kills it; with it all that it held is gone.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Starts it, empty, and waits until it answers.
    ///
    /// # Panics
    /// If it does not.
    pub async fn up(&mut self) {
        let program = Program::new(&self.program).args(["--port", &self.port.to_string()]);
        let program = program.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let program = program.arg("--dir").arg(&self.home);
        self.server = Some(program.start("redis", &self.home.with_extension("log")));
        until("Redis to answer", || {
            let answers = ping(self.address());
            async move { answers.then_some(()) }
        })
        .await;
    }
}

fn ping(address: SocketAddr) -> bool {
    let asked = TcpStream::connect(address).and_then(|mut connection| {
        connection.set_read_timeout(Some(Duration::from_secs(1)))?;
        connection.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        connection.read_exact(&mut answer)?;
        Ok(answer)
    });
    asked.is_ok_and(|answer| answer == *b"+PONG\r\n")
}
