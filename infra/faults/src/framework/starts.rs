//! The file in which every task writes down that its process begins and ends.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::history::{End, Start};

/// How a start finds out which it is.
const LAUNCH: &str = "INSULA_LAUNCH_ID";

/// A file to which tasks append a line each, in one write: lines never mix.
#[derive(Debug, Clone)]
pub(crate) struct Starts {
    path: PathBuf,
}

impl Starts {
    pub(crate) fn in_file(path: PathBuf) -> Self {
        Self { path }
    }

    /// A line for the shell: writes down the start, takes its time, writes down the end.
    pub(crate) fn command(&self, time: Duration, endless: bool) -> String {
        let file = self.path.display();
        let start = format!("echo start $MESOS_TASK_ID ${LAUNCH} $$ >> '{file}'");
        if endless {
            return format!("{start}; exec sleep 100000");
        }
        let seconds = time.as_secs_f64();
        format!("{start}; sleep {seconds}; echo end $MESOS_TASK_ID ${LAUNCH} >> '{file}'")
    }

    /// All lines, sorted into starts and ends.
    pub(crate) fn read(&self) -> (Vec<Start>, Vec<End>) {
        // Not there until the first task starts.
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let starts = text.lines().filter_map(start).collect();
        (starts, text.lines().filter_map(end).collect())
    }

    /// Whether a process of a task lives; `None` if it never started.
    pub(crate) fn is_alive(&self, task: &str) -> Option<bool> {
        let (starts, _) = self.read();
        let mut of_task = starts.iter().filter(|start| start.task == task).peekable();
        of_task.peek()?;
        Some(of_task.any(lives))
    }
}

/// Whether the very process of a start lives: another may have got its number since.
pub(crate) fn lives(start: &Start) -> bool {
    let own = format!("{LAUNCH}={}", start.launch);
    // A process that is over has no environment, also while nobody has asked for its exit status.
    let environment = fs::read(format!("/proc/{}/environ", start.pid)).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable == own.as_bytes())
}

fn start(line: &str) -> Option<Start> {
    let mut words = line.strip_prefix("start ")?.split(' ');
    Some(Start {
        task: words.next()?.to_owned(),
        launch: words.next()?.to_owned(),
        pid: words.next()?.parse().ok()?,
    })
}

fn end(line: &str) -> Option<End> {
    let (task, launch) = line.strip_prefix("end ")?.split_once(' ')?;
    Some(End {
        task: task.to_owned(),
        launch: launch.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_writes_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let starts = Starts::in_file(dir.path().join("starts"));
        let ran = std::process::Command::new("sh")
            .args(["-c", &starts.command(Duration::from_millis(1), false)])
            .envs([("MESOS_TASK_ID", "t"), (LAUNCH, "3.7")])
            .status();
        assert!(ran.unwrap().success());
        let (began, ended) = starts.read();
        assert_eq!(
            (began[0].task.as_str(), began[0].launch.as_str()),
            ("t", "3.7")
        );
        assert_eq!(
            (ended[0].task.as_str(), ended[0].launch.as_str()),
            ("t", "3.7")
        );
        assert_eq!(starts.is_alive("t"), Some(false));
        assert_eq!(starts.is_alive("other"), None);
    }

    #[test]
    fn a_process_is_known_by_its_launch() {
        let mut child = std::process::Command::new("sleep")
            .arg("100")
            .env(LAUNCH, "3.8")
            .spawn()
            .unwrap();
        let start = |launch: &str| Start {
            task: "t".to_owned(),
            launch: launch.to_owned(),
            pid: child.id(),
        };
        let (own, other) = (start("3.8"), start("3.9"));
        while !lives(&own) {
            std::thread::yield_now();
        }
        assert!(!lives(&other));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!lives(&own));
    }
}
