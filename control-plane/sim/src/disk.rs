//! A model of an agent's disk: a journal whose tail is lost in a crash unless it was synced.

use insula_agent_core::Record;

use crate::rng::Rng;

/// A place in the journal: how many records were appended up to there.
pub(crate) type Position = u64;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    records: Vec<Record>,
    appended: Position,
    synced: Position,
    /// What the sync under way will have made durable.
    syncing: Option<Position>,
    /// The journal's new content once the sync under way ends, without what is appended meanwhile.
    rewriting: Option<Vec<Record>>,
}

impl Disk {
    /// Writes a record; it is durable once [`Self::synced`] has reached the position given back.
    pub(crate) fn append(&mut self, record: Record) -> Position {
        self.records.push(record);
        self.appended += 1;
        self.appended
    }

    pub(crate) fn synced(&self) -> Position {
        self.synced
    }

    /// How many records the journal has.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Begins a sync of everything written so far; tells whether there is something to wait for.
    pub(crate) fn begin_sync(&mut self) -> bool {
        if self.syncing.is_some() || self.synced == self.appended {
            return false;
        }
        self.syncing = Some(self.appended);
        true
    }

    /// Makes the sync that was just begun one that replaces the journal by these records.
    pub(crate) fn rewrite(&mut self, records: Vec<Record>) {
        self.rewriting = Some(records);
    }

    pub(crate) fn end_sync(&mut self) {
        let Some(upto) = self.syncing.take() else {
            return;
        };
        self.synced = upto;
        if let Some(mut records) = self.rewriting.take() {
            let tail = self.records.len() - self.unsynced();
            records.extend(self.records.drain(tail..));
            self.records = records;
        }
    }

    /// The process or the machine died: an arbitrary prefix of what was not synced is left.
    pub(crate) fn crash(&mut self, rng: &mut Rng) {
        self.syncing = None;
        self.rewriting = None;
        let lost = rng.count(0, self.unsynced());
        self.records.truncate(self.records.len() - lost);
        self.appended -= lost as u64;
        self.synced = self.appended;
    }

    fn unsynced(&self) -> usize {
        usize::try_from(self.appended - self.synced).unwrap_or(usize::MAX)
    }

    /// The journal as the next life of the agent reads it.
    pub(crate) fn read(&self) -> Vec<Record> {
        self.records.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insula_types::Epoch;
    use insula_types::message::Watermark;

    fn record(seq: u64) -> Record {
        Record::Applied(Watermark {
            epoch: Epoch(1),
            seq,
        })
    }

    #[test]
    fn a_crash_loses_only_what_was_not_synced() {
        for seed in 0..50 {
            let mut disk = Disk::default();
            disk.append(record(1));
            assert!(disk.begin_sync());
            disk.append(record(2));
            disk.end_sync();
            disk.append(record(3));
            disk.crash(&mut Rng::new(seed));
            assert_eq!(disk.read().first(), Some(&record(1)));
            assert!((1..=3).contains(&disk.len()));
        }
    }

    #[test]
    fn a_rewrite_keeps_what_was_appended_meanwhile() {
        let mut disk = Disk::default();
        disk.append(record(1));
        disk.append(record(2));
        assert!(disk.begin_sync());
        disk.rewrite(vec![record(2)]);
        disk.append(record(3));
        disk.end_sync();
        assert_eq!(disk.read(), [record(2), record(3)]);
    }
}
