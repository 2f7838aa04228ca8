//! The evidence, sorted by task.

use std::collections::BTreeMap;

use crate::history::{Answer, Entry, Evidence, Row, Rows, Seen, Start, State};

/// A run, task by task. Frameworks of a run give their tasks different ids.
pub(crate) struct Story<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) tasks: BTreeMap<&'a str, Task<'a>>,
}

/// What happened to one task.
#[derive(Default)]
pub(crate) struct Task<'a> {
    /// The answer to its launch; nothing for a task that no framework launched.
    pub(crate) launch: Option<&'a Answer>,
    pub(crate) endless: bool,
    /// Whether its framework asked for its end.
    pub(crate) killed: bool,
    pub(crate) starts: Vec<&'a Start>,
    pub(crate) ended_well: bool,
    pub(crate) updates: Vec<Update<'a>>,
    /// The updates whose acknowledgement was taken, and when that was known.
    pub(crate) acknowledged: BTreeMap<&'a str, u64>,
    pub(crate) rows: Vec<&'a Row>,
}

/// An update may be on its way to the framework while its acknowledgement is on its way to the owner:
/// they travel on different connections.
const ON_ITS_WAY_US: u64 = 2_000_000;

/// How the answers to a reconciliation are marked.
const RECONCILIATION: &str = "REASON_RECONCILIATION";

/// A status update as it came.
pub(crate) struct Update<'a> {
    pub(crate) state: &'a State,
    pub(crate) uuid: Option<&'a str>,
    pub(crate) reason: &'a str,
    pub(crate) alive: Option<bool>,
    /// Whether an end of the task had been acknowledged [`ON_ITS_WAY_US`] before.
    pub(crate) after_the_end: bool,
    /// Whether it answers a reconciliation, and its agent had reported the end before.
    pub(crate) is_answer_after_the_end: bool,
}

impl<'a> Story<'a> {
    pub(crate) fn of(evidence: &'a Evidence) -> Self {
        let mut tasks = BTreeMap::new();
        for entry in &evidence.entries {
            tell(&mut tasks, entry);
        }
        for start in &evidence.starts {
            of(&mut tasks, &start.task).starts.push(start);
        }
        for end in &evidence.ends {
            of(&mut tasks, &end.task).ended_well = true;
        }
        if let Rows::All(rows) = &evidence.rows {
            for row in rows {
                of(&mut tasks, &row.task).rows.push(row);
            }
        }
        Self { evidence, tasks }
    }
}

impl Task<'_> {
    pub(crate) fn is_taken(&self) -> bool {
        self.launch == Some(&Answer::Taken)
    }

    /// The last state in which it was found over.
    pub(crate) fn end(&self) -> Option<&State> {
        let mut updates = self.updates.iter().rev();
        updates
            .find(|update| update.state.is_over() && !update.is_answer_after_the_end)
            .map(|update| update.state)
    }

    fn has_ended(&self) -> bool {
        let mut updates = self.updates.iter();
        updates.any(|update| update.state.is_over() && update.uuid.is_some())
    }

    fn end_is_acknowledged(&self, now_us: u64) -> bool {
        let mut ends = self.updates.iter().filter(|update| update.state.is_over());
        ends.any(|update| {
            let at = update.uuid.and_then(|uuid| self.acknowledged.get(uuid));
            at.is_some_and(|at| now_us > at + ON_ITS_WAY_US)
        })
    }
}

fn of<'a, 'b>(tasks: &'b mut BTreeMap<&'a str, Task<'a>>, task: &'a str) -> &'b mut Task<'a> {
    tasks.entry(task).or_default()
}

fn tell<'a>(tasks: &mut BTreeMap<&'a str, Task<'a>>, entry: &'a Entry) {
    match &entry.what {
        Seen::Accepted {
            tasks: launched,
            endless,
            answer,
            ..
        } => {
            for id in launched {
                let task = of(tasks, id);
                task.launch = Some(answer);
                task.endless = *endless;
            }
        }
        Seen::Killed { task, .. } => of(tasks, task).killed = true,
        Seen::Updated {
            task,
            state,
            uuid,
            reason,
            alive,
            ..
        } => {
            let task = of(tasks, task);
            let after_the_end = task.end_is_acknowledged(entry.at_us);
            task.updates.push(Update {
                state,
                uuid: uuid.as_deref(),
                reason,
                alive: *alive,
                after_the_end,
                is_answer_after_the_end: task.has_ended() && reason == RECONCILIATION,
            });
        }
        Seen::Acknowledged {
            task,
            uuid,
            answer: Answer::Taken,
        } => {
            let acknowledged = &mut of(tasks, task).acknowledged;
            acknowledged.entry(uuid).or_insert(entry.at_us);
        }
        Seen::Acknowledged { .. }
        | Seen::Subscribed { .. }
        | Seen::StreamEnded { .. }
        | Seen::Offered { .. }
        | Seen::Rescinded { .. }
        | Seen::Reconciled { .. } => {}
    }
}
