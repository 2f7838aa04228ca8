//! The process that exports.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use insula_faults::receiver::Receiver;
use insula_telemetry::{Guard, Settings, start};

/// Tells a process that it is the one that exports.
const ROLE: &str = "TELEMETRY_TEST_EXPORTS";

/// How long a test waits for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Whether this process is the one that exports.
pub(crate) fn is_this_process() -> bool {
    std::env::var_os(ROLE).is_some()
}

/// Settings of the process that exports.
pub(crate) fn settings() -> Settings {
    Settings {
        service: "insula-test",
        instance: "instance-1".to_owned(),
        sampler: None,
        recent: 16,
        tenants: Vec::new(),
    }
}

/// Begins to record.
pub(crate) fn begin() -> Guard {
    start(settings()).unwrap()
}

/// A test again, in a process of its own. Dropping it ends that process.
pub(crate) struct Exporter {
    child: Child,
    said: Option<BufReader<ChildStdout>>,
}

impl Exporter {
    /// Starts `test`, which finds that [`is_this_process`] and does what is to be tested. It exports to
    /// the receiver, soon, unless `variables` say otherwise; no variable of OpenTelemetry is inherited.
    pub(crate) fn start(test: &str, to: Option<&Receiver>, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", test, "--nocapture"])
            .env(ROLE, "1");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("OTEL_") {
                command.env_remove(name);
            }
        }
        if let Some(receiver) = to {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url());
        }
        command.env("OTEL_BSP_SCHEDULE_DELAY", "20");
        command.envs(variables.iter().copied());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = child.stdout.take().map(BufReader::new);
        Self { child, said }
    }

    /// Waits until it says a line, or says no more.
    pub(crate) fn until_it_says(&mut self, wanted: &str) {
        let lines = self.said.as_mut().unwrap().lines().map_while(Result::ok);
        let found = lines.take_while(|line| line != wanted);
        let before: Vec<String> = found.collect();
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended ({ended:?}): {before:?}");
    }

    /// Lets it go on, if it waits for that.
    pub(crate) fn go_on(&mut self) {
        self.child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(b"go\n")
            .unwrap();
    }

    /// Waits until it ends, which it must do well.
    pub(crate) fn finish(mut self) {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = self.said.take().into_iter().flat_map(BufRead::lines);
                let said: Vec<String> = said.map_while(Result::ok).collect();
                let said = said.join("\n");
                let is_good = status.success() && said.contains("ok. 1 passed");
                assert!(is_good, "{status}: {said}");
                return;
            }
            assert!(Instant::now() < end, "the exporting process does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It has ended, or the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
