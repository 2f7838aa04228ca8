//! The lines that a process prints, as they come.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use super::until;

/// What was printed so far; a thread reads on, so that the process never waits for its reader.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Printed>>);

#[derive(Default)]
struct Printed {
    text: String,
    is_all: bool,
}

impl Log {
    pub(super) fn of(source: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let lines = log.clone();
        thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while source
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                lines.lock().text.push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
            lines.lock().is_all = true;
        });
        log
    }

    fn lock(&self) -> MutexGuard<'_, Printed> {
        self.0.lock().unwrap()
    }

    pub(super) fn text(&self) -> String {
        self.lock().text.clone()
    }

    /// All of it, once everybody who could print has closed the stream.
    pub(super) fn whole(&self) -> String {
        until("the end of the output", || self.lock().is_all.then_some(()));
        self.text()
    }

    /// Waits until a text was printed.
    pub(super) fn until_said(&self, text: &str) {
        until(&format!("{text:?}"), || {
            self.text().contains(text).then_some(())
        });
    }

    /// What stands behind `before` on the first line that has it.
    pub(super) fn behind(&self, before: &str) -> Option<String> {
        let text = self.text();
        text.lines()
            .find_map(|line| Some(line.split_once(before)?.1.to_owned()))
    }
}
