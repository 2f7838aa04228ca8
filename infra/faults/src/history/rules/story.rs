//! The evidence, sorted by task.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The updates whose acknowledgement was taken.
    pub(crate) acknowledged: BTreeSet<&'a str>,
    pub(crate) rows: Vec<&'a Row>,
}

/// A status update as it came.
pub(crate) struct Update<'a> {
    pub(crate) state: &'a State,
    pub(crate) uuid: Option<&'a str>,
    pub(crate) reason: &'a str,
    pub(crate) alive: Option<bool>,
    /// Whether an end of the task had been acknowledged before.
    pub(crate) after_the_end: bool,
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

    /// The last state in which an update of its agent found it over.
    pub(crate) fn end(&self) -> Option<&State> {
        let mut ends = self.updates.iter().rev();
        ends.find(|update| update.state.is_over())
            .map(|update| update.state)
    }

    fn end_is_acknowledged(&self) -> bool {
        let mut updates = self.updates.iter();
        updates.any(|update| {
            let uuid = update
                .uuid
                .is_some_and(|uuid| self.acknowledged.contains(uuid));
            update.state.is_over() && uuid
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
            let after_the_end = task.end_is_acknowledged();
            task.updates.push(Update {
                state,
                uuid: uuid.as_deref(),
                reason,
                alive: *alive,
                after_the_end,
            });
        }
        Seen::Acknowledged {
            task,
            uuid,
            answer: Answer::Taken,
        } => {
            of(tasks, task).acknowledged.insert(uuid);
        }
        Seen::Acknowledged { .. }
        | Seen::Subscribed { .. }
        | Seen::StreamEnded { .. }
        | Seen::Offered { .. }
        | Seen::Rescinded { .. }
        | Seen::Reconciled { .. } => {}
    }
}
