//! Replicas of a service.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use super::insula::Insula;
use super::log::Log;
use super::{Place, signal, until};
use crate::database::Database;

/// Names a Redis server, as `infra/dev-services` does.
const REDIS_URL: &str = "INSULA_TEST_REDIS_URL";

/// What the replicas of a service share.
pub(crate) struct Service<'a> {
    place: &'a Place,
    database: Database,
    redis_url: String,
    ca: PathBuf,
    operator: PathBuf,
    config: PathBuf,
}

impl<'a> Service<'a> {
    /// A service without replicas, whose leases are short; nothing where there is no Postgres or no
    /// Redis.
    pub(crate) fn new(place: &'a Place) -> Option<Self> {
        let Ok(redis_url) = std::env::var(REDIS_URL) else {
            eprintln!("skipped: replicas, since {REDIS_URL} names no Redis server");
            return None;
        };
        let database = Database::create()?;
        let (ca, operator) = (place.path().join("ca.pem"), place.path().join("operator"));
        let files = [
            "--ca-file",
            ca.to_str().unwrap(),
            "--operator-file",
            operator.to_str().unwrap(),
        ];
        Insula::new(&[&["admin", "init"], &files[..]].concat())
            .run()
            .ok();
        let config = place.file(
            "config",
            "lease_ttl = 2s\nlease_renewal = 400ms\nlease_margin = 400ms\n",
        );
        Some(Self {
            place,
            database,
            redis_url,
            ca,
            operator,
            config,
        })
    }

    /// The arguments of a replica on a free port.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let file = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let pairs = [
            ("--database-url", self.database.url()),
            ("--redis-url", self.redis_url.clone()),
            ("--redis-prefix", self.database.name().to_owned()),
            ("--listen", "127.0.0.1:0".to_owned()),
            ("--ca-file", file(&self.ca)),
            ("--operator-file", file(&self.operator)),
            ("--config", file(&self.config)),
        ];
        let words = pairs.into_iter();
        words
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }

    /// Starts a replica, and waits until it says where it listens.
    pub(crate) fn replica(&self) -> Replica<'_> {
        let arguments = self.arguments();
        let mut words = vec!["server"];
        words.extend(arguments.iter().map(String::as_str));
        let mut command = Insula::new(&words).into_command();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = Log::of(child.stderr.take().unwrap());
        let url = until("an address", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {}", stderr.text());
            let url = stderr.behind(" at https://")?;
            Some(format!("https://{}", url.split_once(',')?.0))
        });
        Replica {
            service: self,
            child,
            stderr,
            url,
        }
    }

    /// The program with the database's address, for an operator.
    pub(crate) fn admin(&self, args: &[&str]) -> Insula {
        Insula::new(&[&["admin"], args].concat()).env("INSULA_DATABASE_URL", self.database.url())
    }

    pub(crate) fn place(&self) -> &'a Place {
        self.place
    }
}

/// A replica that runs. Drained when it is dropped, which must go well.
pub(crate) struct Replica<'a> {
    service: &'a Service<'a>,
    child: Child,
    stderr: Log,
    url: String,
}

impl Replica<'_> {
    /// Where it listens, without a scheme.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("https://").unwrap()
    }

    /// A client of it, with the operator's credential.
    pub(crate) fn insula(&self, args: &[&str]) -> Insula {
        Insula::new(args)
            .env("INSULA_URL", &self.url)
            .env("INSULA_CA", &self.service.ca)
            .env("INSULA_CREDENTIAL", &self.service.operator)
    }

    /// The standard output of a client that succeeds.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        self.insula(args).run().ok()
    }

    /// What a client prints as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[&["--json"], args].concat())).unwrap()
    }

    /// Waits until the cells of the service are served by it or another.
    pub(crate) fn until_served(&self) {
        until("an owner", || {
            (self.insula(&["offers"]).run().code == Some(0)).then_some(())
        });
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Its exit code, once it has ended.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        until("the end of a replica", || self.child.try_wait().unwrap()).code()
    }

    /// As power off for this process.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Replica<'_> {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_some() {
            return;
        }
        if std::thread::panicking() {
            eprintln!("a replica said:\n{}", self.stderr());
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            return;
        }
        self.signal("TERM");
        assert_eq!(self.wait(), Some(0), "{}", self.stderr());
    }
}
