//! A Redis server of a test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::until;

/// Runs until it is dropped; keeps its data over a restart.
#[derive(Debug)]
pub(crate) struct RedisServer {
    folder: TempDir,
    policy: &'static str,
    process: Option<Child>,
}

impl RedisServer {
    /// Whether the machine has one.
    pub(crate) fn is_installed() -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join("redis-server").is_file())
    }

    pub(crate) async fn start(policy: &'static str) -> Self {
        let mut server = Self {
            folder: tempfile::tempdir().unwrap(),
            policy,
            process: None,
        };
        server.run().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Starts it again, with what it held.
    pub(crate) async fn run(&mut self) {
        let process = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket"])
            .arg(self.socket())
            .args(["--appendonly", "yes", "--appendfsync", "always"])
            .args(["--save", "", "--maxmemory-policy", self.policy, "--dir"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        let client = redis::Client::open(self.url()).unwrap();
        until("the Redis server answers", async || {
            let Ok(mut connection) = client.get_multiplexed_async_connection().await else {
                return false;
            };
            let ping = redis::cmd("PING");
            ping.query_async::<String>(&mut connection).await.is_ok()
        })
        .await;
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends a signal that the library knows no name for.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.process.as_ref().unwrap();
        let sent = Command::new("kill")
            .args(["-s", name, &process.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    fn socket(&self) -> PathBuf {
        Path::join(self.folder.path(), "redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
