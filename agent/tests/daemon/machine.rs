//! A machine with an agent on it.

use std::path::Path;
use std::time::Duration;

use insula_agent::{Error, Options, ShutdownMode};
use insula_proto::JoinToken;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::role;
use crate::service::{Running, SECRET};

/// The work directory outlives its agents; the shepherd and its tasks end with the test.
pub(crate) struct Machine {
    work_dir: TempDir,
    token: JoinToken,
}

pub(crate) struct Agent {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
}

impl Machine {
    pub(crate) fn new(service: &Running) -> Self {
        let token = JoinToken {
            address: service.address.clone(),
            fingerprint: service.fingerprint,
            secret: SECRET.to_owned(),
        };
        Self {
            work_dir: tempfile::tempdir().unwrap(),
            token,
        }
    }

    pub(crate) fn token(&mut self) -> &mut JoinToken {
        &mut self.token
    }

    pub(crate) fn work_dir(&self) -> &Path {
        self.work_dir.path()
    }

    fn options(&self) -> Options {
        let mut options = Options::new(self.work_dir.path().join("work"), role::program());
        options.join = Some(self.token.clone());
        options.resources = Some("cpus:2;mem:512".parse().unwrap());
        options.hostname = Some("test".to_owned());
        options.cgroups.enabled = false;
        // Whatever becomes of the test, nothing is left behind.
        options.die_with_agent = Some(Duration::from_secs(10));
        options
    }

    pub(crate) fn start(&self, shutdown: ShutdownMode) -> Agent {
        self.start_with(|options| options.shutdown = shutdown)
    }

    pub(crate) fn start_with(&self, change: impl FnOnce(&mut Options)) -> Agent {
        let mut options = self.options();
        change(&mut options);
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(insula_agent::run(options, async {
            let _asked_or_dropped = stopped.await;
        }));
        Agent { stop, running }
    }
}

impl Agent {
    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.running.await.unwrap().unwrap();
    }

    /// It is gone from one moment to the next, as after `kill -9`.
    pub(crate) async fn crash(self) {
        self.running.abort();
        assert!(self.running.await.unwrap_err().is_cancelled());
    }

    pub(crate) async fn error(self) -> String {
        let error = self.running.await.unwrap().unwrap_err();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
}
