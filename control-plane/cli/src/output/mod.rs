//! The only place that prints.

mod format;
mod table;
mod terminal;

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

pub(crate) use format::{age, bytes, or_dash, printable, short_digest};
pub(crate) use table::Table;
pub(crate) use terminal::Terminal;

use crate::exit::Failure;

/// Standard output for data, standard error for talk.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read along.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// What can be shown where standard output goes.
    pub(crate) fn terminal(&self) -> Terminal {
        Terminal::of_stdout()
    }

    /// Says what went wrong; a reader that has seen enough is nothing to talk about.
    pub(crate) fn tell(&self, failure: &Failure) {
        if !failure.is_reader_gone() {
            self.talk(failure);
        }
    }

    /// Says something to people; never mixed into the data.
    pub(crate) fn talk(&self, sentence: &dyn Display) {
        // If nobody listens on standard error there is nobody to tell.
        let _ = writeln!(io::stderr(), "{sentence}");
    }

    /// Prints a line of data.
    pub(crate) fn line(&self, line: &dyn Display) -> Result<(), Failure> {
        written(writeln!(io::stdout(), "{line}"))
    }

    /// Prints bytes of data as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
    }

    /// Prints what a task wrote to its standard output; beside JSON it is talk.
    pub(crate) fn task_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        if self.json {
            self.raw_talk(bytes);
            return Ok(());
        }
        self.raw(bytes)
    }

    /// Prints bytes on standard error as they are: a task's own talk.
    pub(crate) fn raw_talk(&self, bytes: &[u8]) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(bytes).and_then(|()| stderr.flush());
    }

    /// Prints a value as one document of JSON, indented.
    pub(crate) fn document(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value);
        self.line(&text.map_err(|error| Failure::from_error(&error))?)
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value);
        self.line(&text.map_err(|error| Failure::from_error(&error))?)
    }

    /// Prints a list: as JSON, or as a table that `rows` fills.
    pub(crate) fn list<T: Serialize>(
        &self,
        items: &[T],
        header: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Failure> {
        if self.json {
            return self.document(&items);
        }
        let mut table = Table::new(header);
        for item in items {
            table.row(&row(item));
        }
        self.line(&table)
    }
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::reader_gone()),
        Err(error) => Err(Failure::new(format!(
            "cannot write to standard output: {error}"
        ))),
    }
}
