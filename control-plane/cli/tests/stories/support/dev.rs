//! A control plane with its agents.

use std::process::{Child, Command, Stdio};

use super::insula::{Insula, program};
use super::log::Log;
use super::{Place, signal, until};

/// An `insula dev` that runs. Ends as by Ctrl-C when it is dropped, and must do so well.
pub(crate) struct Dev<'a> {
    place: &'a Place,
    child: Child,
    stdout: Log,
    stderr: Log,
    url: String,
}

impl<'a> Dev<'a> {
    pub(super) fn start(place: &'a Place, listen: &str, args: &[&str]) -> Self {
        let mut command = program();
        command.args(["dev", "--listen", listen]).args(args);
        let dev = Self::spawn(place, command);
        dev.stderr.until_said("Ctrl-C stops everything");
        for line in dev.stderr.text().lines() {
            if let Some(agent) = line.strip_prefix("agent ") {
                place.met(agent.split_once(' ').unwrap().0);
            }
        }
        dev
    }

    /// Starts it, and waits until it says where it listens.
    pub(crate) fn spawn(place: &'a Place, mut command: Command) -> Self {
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Log::of(child.stdout.take().unwrap());
        let stderr = Log::of(child.stderr.take().unwrap());
        let url = until("an address", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {}", stderr.text());
            let url = stderr.behind("control plane at ")?;
            Some(url.split_once(',')?.0.to_owned())
        });
        Self {
            place,
            child,
            stdout,
            stderr,
            url,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens, without a scheme.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    pub(crate) fn until_said(&self, text: &str) {
        self.stderr.until_said(text);
    }

    /// A client of it.
    pub(crate) fn insula(&self, args: &[&str]) -> Insula {
        Insula::new(args).env("INSULA_URL", &self.url)
    }

    /// The standard output of a client that succeeds.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        self.insula(args).run().ok()
    }

    /// What a client prints as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[&["--json"], args].concat())).unwrap()
    }

    /// Submits a task and returns its id.
    pub(crate) fn submit(&self, args: &[&str]) -> String {
        let id = self.ok(&[&["run", "--detach"], args].concat());
        id.trim_end().to_owned()
    }

    /// A task as the list of all shows it.
    pub(crate) fn task(&self, id: &str) -> serde_json::Value {
        let listed = self.json(&["ps", "--all", id]);
        listed[0].clone()
    }

    /// Waits until a task is in a state.
    pub(crate) fn until_state(&self, id: &str, state: &str) {
        until(state, || (self.task(id)["state"] == state).then_some(()));
    }

    /// Waits until somebody reads a text in a task's output.
    pub(crate) fn until_logged(&self, id: &str, text: &str) {
        until(text, || {
            let ran = self.insula(&["logs", id]).run();
            ran.stdout.contains(text).then_some(())
        });
    }

    /// As power off for this process: it gets no chance to say goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Its exit code, once it has ended.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let status = until("the end of insula dev", || self.child.try_wait().unwrap());
        status.code()
    }

    /// Ctrl-C; the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("INT");
        self.wait()
    }

    pub(crate) fn place(&self) -> &'a Place {
        self.place
    }
}

impl Drop for Dev<'_> {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_some() {
            return;
        }
        if std::thread::panicking() {
            eprintln!("insula dev said:\n{}", self.stderr());
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            return;
        }
        self.signal("INT");
        assert_eq!(self.wait(), Some(0), "{}", self.stderr());
    }
}
