//! A model of the store: rows, and a head for each partition that fences (rule R1).
//!
//! Transactions take time and have three moments: the *fence*, their last statement, which checks the
//! head and locks its row; the *commit*, which happens or not; and the *answer*, which tells or does
//! not. A taker of the partition waits for the lock or ends the transaction that holds it. That gives
//! the three hard cases of rule R8: an owner paused within a transaction, a commit of unknown outcome,
//! and a takeover during a commit.

mod lease;
pub(crate) mod table;

use std::collections::BTreeMap;

use insula_pipeline::{Commit, Marks};
use insula_types::{CellId, Epoch, PartitionId, ReplicaId, Time};

use crate::context::Context;
use crate::driver::DriverId;
use crate::event::Event;
use crate::history::START;
use lease::{Lease, Member};

pub(crate) use lease::Take;
use table::Table;

/// Names a transaction; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TransactionId(u64);

/// What an owner hears of its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Committed,
    /// It certainly did not happen.
    Failed,
    /// What it says is refused; it certainly did not happen.
    Refused(Box<Commit>),
    /// The connection to the database was lost.
    Unknown,
}

/// The head row of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) epoch: Epoch,
    pub(crate) commit_no: u64,
}

/// What is going to happen to a transaction, if nobody ends it before.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Succeeds,
    /// It fails at the fence, for a reason of the database's own.
    Fails,
    /// A value of this cell is refused.
    IsRefused(CellId),
    /// The connection is lost, and the transaction with it.
    IsLost,
    /// The connection is lost, and the transaction commits all the same, before or after the owner
    /// has noticed.
    CommitsUnheard,
}

#[derive(Debug)]
struct Transaction {
    driver: DriverId,
    commit: Commit,
    fate: Fate,
}

/// A partition's rows beside those of its cells.
#[derive(Debug)]
struct Partition {
    head: Head,
    marks: Marks,
    lease: Lease,
    /// The transaction that holds the lock on the head row.
    lock: Option<TransactionId>,
    /// Which epoch made each commit, from commit number 1.
    commits: Vec<Epoch>,
    cells: Vec<CellId>,
}

/// What a taker gets.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) head: Head,
    pub(crate) tables: BTreeMap<CellId, Table>,
    pub(crate) marks: Marks,
    /// The database's clock.
    pub(crate) clock: Time,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Store {
    partitions: Vec<Partition>,
    tables: BTreeMap<CellId, Table>,
    /// The one source of epochs (rule R5).
    last_epoch: Epoch,
    transactions: BTreeMap<TransactionId, Transaction>,
    count: u64,
    members: BTreeMap<ReplicaId, Member>,
    pub(crate) down_until: Time,
    /// How far the database's clock is off, in microseconds.
    pub(crate) clock_offset: i64,
}

impl Store {
    /// An empty store with these cells.
    pub(crate) fn new(seed: u64, cells: &[(CellId, PartitionId)], partitions: u16) -> Self {
        let of = |number: u16| {
            let of_partition = cells.iter().filter(|(_, partition)| partition.0 == number);
            Partition {
                head: Head {
                    epoch: Epoch(0),
                    commit_no: 0,
                },
                marks: Marks::new(),
                lease: Lease::default(),
                lock: None,
                commits: Vec::new(),
                cells: of_partition.map(|(cell, _)| cell.clone()).collect(),
            }
        };
        let tables = cells.iter().zip(seed..);
        Self {
            partitions: (0..partitions).map(of).collect(),
            tables: tables
                .map(|((cell, _), seed)| (cell.clone(), Table::new(seed)))
                .collect(),
            last_epoch: Epoch(0),
            transactions: BTreeMap::new(),
            count: 0,
            members: BTreeMap::new(),
            down_until: START,
            clock_offset: 0,
        }
    }

    fn at(&self, partition: PartitionId) -> &Partition {
        &self.partitions[usize::from(partition.0)]
    }

    fn at_mut(&mut self, partition: PartitionId) -> &mut Partition {
        &mut self.partitions[usize::from(partition.0)]
    }

    pub(crate) fn head(&self, partition: PartitionId) -> Head {
        self.at(partition).head
    }

    pub(crate) fn table(&self, cell: &CellId) -> Option<&Table> {
        self.tables.get(cell)
    }

    /// How many commits there were in all partitions.
    pub(crate) fn commits(&self) -> u64 {
        let commits = self.partitions.iter().map(|each| each.head.commit_no);
        commits.sum()
    }

    /// Which epoch made a commit.
    pub(crate) fn epoch_of(&self, partition: PartitionId, commit_no: u64) -> Option<Epoch> {
        let index = usize::try_from(commit_no.checked_sub(1)?).ok()?;
        self.at(partition).commits.get(index).copied()
    }

    pub(crate) fn clock(&self, ctx: &Context) -> Time {
        Time(ctx.now.0.saturating_add_signed(self.clock_offset))
    }

    pub(crate) fn is_down(&self, ctx: &Context) -> bool {
        ctx.now < self.down_until
    }

    pub(crate) fn begin(
        &mut self,
        ctx: &mut Context,
        driver: DriverId,
        commit: Commit,
        bad: Option<CellId>,
    ) -> TransactionId {
        self.count += 1;
        let id = TransactionId(self.count);
        let fate = bad.map_or_else(|| draw_fate(ctx), Fate::IsRefused);
        let most = ctx.options.commit_max;
        ctx.within(0, most, Event::Fence(id));
        if fate == Fate::CommitsUnheard {
            // Told when the connection broke, which may be before the commit.
            let event = Event::Committed(driver, id, Answer::Unknown);
            ctx.within(0, 2 * most, event);
        }
        let transaction = Transaction {
            driver,
            commit,
            fate,
        };
        self.transactions.insert(id, transaction);
        id
    }

    /// Whose transaction it is: while that process is paused, it does not go on.
    pub(crate) fn driver_of(&self, id: TransactionId) -> Option<DriverId> {
        Some(self.transactions.get(&id)?.driver)
    }

    /// The transaction's last statement: it holds the head's lock from here, or has failed.
    pub(crate) fn fence(&mut self, ctx: &mut Context, id: TransactionId) {
        let Some(transaction) = self.transactions.get(&id) else {
            return;
        };
        let driver = transaction.driver;
        let partition = self.at(driver.partition);
        if let Fate::IsRefused(_) = transaction.fate {
            let commit = Box::new(transaction.commit.clone());
            self.end(ctx, id, Answer::Refused(commit));
            return;
        }
        if partition.lock.is_some() {
            ctx.within(0, 1, Event::Fence(id));
            return;
        }
        let expected = Head {
            epoch: driver.epoch,
            commit_no: transaction.commit.expected,
        };
        let fails = transaction.fate == Fate::Fails || self.is_down(ctx);
        if partition.head != expected || fails {
            self.end(ctx, id, Answer::Failed);
            return;
        }
        self.at_mut(driver.partition).lock = Some(id);
        let most = ctx.options.commit_max;
        ctx.within(0, most, Event::Commit(id));
    }

    /// The transaction commits; gives back what it wrote if it did.
    pub(crate) fn commit(
        &mut self,
        ctx: &mut Context,
        id: TransactionId,
    ) -> Option<(DriverId, Commit)> {
        let transaction = self.transactions.get(&id)?;
        let driver = transaction.driver;
        if self.at(driver.partition).lock != Some(id) {
            return None;
        }
        let (commit, is_lost) = (transaction.commit.clone(), transaction.fate == Fate::IsLost);
        let partition = self.at_mut(driver.partition);
        partition.lock = None;
        if is_lost {
            self.end(ctx, id, Answer::Unknown);
            return None;
        }
        partition.marks.extend(commit.marks.clone());
        partition.head.commit_no = commit.number();
        partition.commits.push(driver.epoch);
        for (cell, records) in &commit.cells {
            if let Some(table) = self.tables.get_mut(cell) {
                records.iter().for_each(|record| table.apply(record));
            }
        }
        self.end(ctx, id, Answer::Committed);
        Some((driver, commit))
    }

    fn end(&mut self, ctx: &mut Context, id: TransactionId, answer: Answer) {
        let Some(transaction) = self.transactions.remove(&id) else {
            return;
        };
        if transaction.fate == Fate::CommitsUnheard {
            return;
        }
        let event = Event::Committed(transaction.driver, id, answer);
        ctx.within(0, 5, event);
    }
}

fn draw_fate(ctx: &mut Context) -> Fate {
    let (fails, unknown) = (ctx.options.commit_fails, ctx.options.commit_unknown);
    if ctx.fault(fails) {
        return Fate::Fails;
    }
    if !ctx.fault(unknown) {
        return Fate::Succeeds;
    }
    if ctx.rng.chance(500) {
        Fate::IsLost
    } else {
        Fate::CommitsUnheard
    }
}
