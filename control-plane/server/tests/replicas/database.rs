//! Databases of a test's own, on the Postgres server that the environment names.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Names the server: a superuser's URL. `infra/dev-services` starts one and sets it.
const URL: &str = "INSULA_TEST_POSTGRES_URL";

/// A database that goes with this value.
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A new, empty database; nothing without a server or its client, which is said aloud.
    pub(crate) fn create() -> Option<Self> {
        let Ok(server) = std::env::var(URL) else {
            eprintln!("skipped: replicas, since {URL} names no Postgres server");
            return None;
        };
        if Command::new("psql").arg("--version").output().is_err() {
            eprintln!(
                "skipped: replicas, since psql, which makes their database, is not installed"
            );
            return None;
        }
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("insula_replicas_{}_{number}", std::process::id());
        let database = Self { server, name };
        database.administer(&format!("DROP DATABASE IF EXISTS {}", database.name));
        database.administer(&format!("CREATE DATABASE {}", database.name));
        Some(database)
    }

    /// How a store finds it.
    pub(crate) fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    /// A name that no other test has.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Executes a statement in it, beside the store.
    pub(crate) fn execute(&self, sql: &str) {
        psql(&self.url(), sql);
    }

    fn administer(&self, sql: &str) {
        psql(&self.server, sql);
    }
}

fn psql(url: &str, sql: &str) {
    let done = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--command", sql])
        .arg(url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{sql}: {said}");
}

impl Drop for Database {
    fn drop(&mut self) {
        self.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}
