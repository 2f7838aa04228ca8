//! `tasks.jsonl`: which tasks were asked for, and how they ended.
//!
//! It is there for the death of the shepherd, not of the machine: after a restart of the machine nothing runs, which
//! the boot id tells. So it is written but not synced, and costs microseconds.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use insula_isolation::cgroup::GroupName;
use insula_types::TraceContext;
use serde::{Deserialize, Serialize};

use super::Error;
use super::protocol::{Kind, TaskState};

const NAME: &str = "tasks.jsonl";
/// A log that has grown beyond this, and to more than four times what it must hold, is written anew.
const COMPACT_BYTES_MIN: u64 = 1 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Starting { id: String, intention: Intention },
    State(TaskState),
    Forgotten { id: String },
}

/// What is known of a task before its process exists: enough to find whatever came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intention {
    pub(super) kind: Kind,
    pub(super) cgroup: GroupName,
    /// The variable that marks its processes where there are no control groups.
    pub(super) variable: Option<String>,
    #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
    pub(super) trace: TraceContext,
}

/// A task as the log has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Absent for a task that ended: it is not needed any more.
    pub(super) intention: Option<Intention>,
    /// Absent if the shepherd died before it knew whether the process came to be.
    pub(super) state: Option<TaskState>,
}

/// The log, open for writing.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// What it had when it was last written anew.
    compact_bytes: u64,
}

impl Journal {
    /// Reads what an earlier shepherd wrote; nothing if there was none.
    pub(super) fn read(dir: &Path) -> Result<BTreeMap<String, Entry>, Error> {
        let path = dir.join(NAME);
        match fs::read(&path) {
            Ok(bytes) => Ok(replay(&bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(source) => Err(Error::file("read", path, source)),
        }
    }

    /// Writes a log with these tasks, all of which have ended, in the place of the old one.
    pub(super) fn create(dir: &Path, ended: &[TaskState]) -> Result<Journal, Error> {
        let path = dir.join(NAME);
        let records = ended.iter().cloned().map(Record::State);
        let (file, bytes) =
            replace(&path, records).map_err(|source| Error::file("write", &path, source))?;
        Ok(Journal {
            path,
            file,
            bytes,
            compact_bytes: bytes,
        })
    }

    /// To be called before the process is made.
    pub(super) fn starting(&mut self, id: &str, intention: &Intention) -> io::Result<()> {
        self.append(&Record::Starting {
            id: id.to_owned(),
            intention: intention.clone(),
        })
    }

    /// To be called before the agent is told.
    pub(super) fn state(&mut self, state: &TaskState) -> io::Result<()> {
        self.append(&Record::State(state.clone()))
    }

    pub(super) fn forgotten(&mut self, id: &str) -> io::Result<()> {
        self.append(&Record::Forgotten { id: id.to_owned() })
    }

    /// Whether it is time to call [`Journal::compact`].
    pub(super) fn is_overgrown(&self) -> bool {
        self.bytes > COMPACT_BYTES_MIN && self.bytes > 4 * self.compact_bytes
    }

    /// Writes the log anew with only these tasks.
    pub(super) fn compact(
        &mut self,
        tasks: impl Iterator<Item = (String, Entry)>,
    ) -> io::Result<()> {
        let records = tasks.flat_map(|(id, entry)| {
            let starting = entry
                .intention
                .map(|intention| Record::Starting { id, intention });
            starting.into_iter().chain(entry.state.map(Record::State))
        });
        let (file, bytes) = replace(&self.path, records)?;
        (self.file, self.bytes, self.compact_bytes) = (file, bytes, bytes);
        Ok(())
    }

    /// Empties the log, since there are no tasks.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        (self.bytes, self.compact_bytes) = (0, 0);
        Ok(())
    }

    fn append(&mut self, record: &Record) -> io::Result<()> {
        let line = line(record)?;
        if let Err(error) = self.file.write_all(&line) {
            // Half a line would spoil the one behind it.
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += line.len() as u64;
        Ok(())
    }
}

/// A line that cannot be read is the last one of a shepherd that died while it wrote, or a stranger's; what it said
/// is not known, and the others stand for themselves.
fn replay(bytes: &[u8]) -> BTreeMap<String, Entry> {
    let mut tasks = BTreeMap::new();
    let records = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok());
    for record in records {
        match record {
            Record::Starting { id, intention } => {
                tasks.insert(
                    id,
                    Entry {
                        intention: Some(intention),
                        state: None,
                    },
                );
            }
            Record::State(state) => {
                let entry = tasks.entry(state.id().to_owned()).or_insert(Entry {
                    intention: None,
                    state: None,
                });
                entry.state = Some(state);
            }
            Record::Forgotten { id } => {
                tasks.remove(&id);
            }
        }
    }
    tasks
}

fn line(record: &Record) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

/// Through a second file and a rename, so that a death in between leaves the old log.
fn replace(path: &Path, records: impl Iterator<Item = Record>) -> io::Result<(File, u64)> {
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut bytes = Vec::new();
    for record in records {
        bytes.extend(line(&record)?);
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(&bytes)?;
    fs::rename(&fresh, path)?;
    Ok((file, bytes.len() as u64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use insula_types::TraceContext;

    use super::super::protocol::{Kind, StartFailed, TaskState};
    use super::{Entry, Intention, Journal};

    fn intention() -> Intention {
        Intention {
            kind: Kind::Task,
            cgroup: "t".parse().unwrap(),
            variable: None,
            trace: TraceContext::start(1, 2, true),
        }
    }

    fn failed(id: &str) -> TaskState {
        TaskState::StartFailed(StartFailed {
            id: id.to_owned(),
            kind: Kind::Task,
            error: "no".to_owned(),
            trace: TraceContext::start(1, 2, true),
        })
    }

    #[test]
    fn it_tells_intentions_ends_and_what_was_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Journal::read(dir.path()).unwrap().is_empty());
        let mut journal = Journal::create(dir.path(), &[failed("old")]).unwrap();
        journal.starting("a", &intention()).unwrap();
        journal.starting("b", &intention()).unwrap();
        journal.state(&failed("b")).unwrap();
        journal.forgotten("old").unwrap();
        // A shepherd dies in the middle of a line.
        journal.file.write_all(br#"{"forgotten":{"id":"a"#).unwrap();
        let tasks = Journal::read(dir.path()).unwrap();
        assert_eq!(tasks.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            tasks["a"],
            Entry {
                intention: Some(intention()),
                state: None
            }
        );
        assert_eq!(tasks["b"].state, Some(failed("b")));
    }

    #[test]
    fn compacting_keeps_what_is_known_and_appending_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path(), &[]).unwrap();
        for _ in 0..20_000 {
            journal.state(&failed("x")).unwrap();
        }
        assert!(journal.is_overgrown());
        journal
            .compact(
                [(
                    "x".to_owned(),
                    Entry {
                        intention: None,
                        state: Some(failed("x")),
                    },
                )]
                .into_iter(),
            )
            .unwrap();
        assert!(!journal.is_overgrown());
        journal.state(&failed("y")).unwrap();
        assert_eq!(Journal::read(dir.path()).unwrap().len(), 2);
        journal.clear().unwrap();
        journal.state(&failed("z")).unwrap();
        assert_eq!(
            Journal::read(dir.path())
                .unwrap()
                .keys()
                .collect::<Vec<_>>(),
            ["z"]
        );
    }
}
