//! A model of the store: rows, and a head that fences (rule R1).
//!
//! Transactions take time and have three moments: the *fence*, their last statement, which checks the
//! head and locks its row; the *commit*, which happens or not; and the *answer*, which tells or does
//! not. A taker of the partition waits for the lock or ends the transaction that holds it. That gives
//! the three hard cases of rule R8: an owner paused within a transaction, a commit of unknown outcome,
//! and a takeover during a commit.

pub(crate) mod table;

use std::collections::BTreeMap;

use insula_pipeline::{Commit, Marks};
use insula_types::record::Rows;
use insula_types::{Epoch, Time};

use crate::context::Context;
use crate::event::Event;
use crate::history::START;
use crate::owner::OwnerId;
use table::Table;

/// Names a transaction; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TransactionId(u64);

/// What an owner hears of its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Committed,
    /// It certainly did not happen.
    Failed,
    /// The connection to the database was lost.
    Unknown,
}

/// The head row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) epoch: Epoch,
    pub(crate) commit_no: u64,
}

/// What is going to happen to a transaction, if nobody ends it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Succeeds,
    /// It fails at the fence, for a reason of the database's own.
    Fails,
    /// The connection is lost, and the transaction with it.
    IsLost,
    /// The connection is lost, and the transaction commits all the same, before or after the owner
    /// has noticed.
    CommitsUnheard,
}

#[derive(Debug)]
struct Transaction {
    owner: OwnerId,
    epoch: Epoch,
    commit: Commit,
    fate: Fate,
}

/// What a taker gets.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) head: Head,
    pub(crate) rows: Rows,
    pub(crate) marks: Marks,
    /// The database's clock.
    pub(crate) clock: Time,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Store {
    head: Head,
    pub(crate) table: Table,
    marks: Marks,
    transactions: BTreeMap<TransactionId, Transaction>,
    /// The transaction that holds the lock on the head row.
    lock: Option<TransactionId>,
    /// Which epoch made each commit, from commit number 1.
    commits: Vec<Epoch>,
    count: u64,
    pub(crate) down_until: Time,
    /// How far the database's clock is off, in microseconds.
    pub(crate) clock_offset: i64,
}

impl Store {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            head: Head {
                epoch: Epoch(0),
                commit_no: 0,
            },
            table: Table::new(seed),
            marks: Marks::new(),
            transactions: BTreeMap::new(),
            lock: None,
            commits: Vec::new(),
            count: 0,
            down_until: START,
            clock_offset: 0,
        }
    }

    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// Which epoch made a commit.
    pub(crate) fn epoch_of(&self, commit_no: u64) -> Option<Epoch> {
        let index = usize::try_from(commit_no.checked_sub(1)?).ok()?;
        self.commits.get(index).copied()
    }

    pub(crate) fn begin(
        &mut self,
        ctx: &mut Context,
        owner: OwnerId,
        epoch: Epoch,
        commit: Commit,
    ) -> TransactionId {
        self.count += 1;
        let id = TransactionId(self.count);
        let fate = draw_fate(ctx);
        let transaction = Transaction {
            owner,
            epoch,
            commit,
            fate,
        };
        self.transactions.insert(id, transaction);
        let most = ctx.options.commit_max;
        ctx.within(0, most, Event::Fence(id));
        if fate == Fate::CommitsUnheard {
            // Told when the connection broke, which may be before the commit.
            ctx.within(0, 2 * most, Event::Committed(owner, id, Answer::Unknown));
        }
        id
    }

    /// The transaction's last statement: it holds the head's lock from here, or has failed.
    pub(crate) fn fence(&mut self, ctx: &mut Context, id: TransactionId) {
        let Some(transaction) = self.transactions.get(&id) else {
            return;
        };
        if self.lock.is_some() {
            ctx.within(0, 1, Event::Fence(id));
            return;
        }
        let holds = self.head.epoch == transaction.epoch
            && self.head.commit_no == transaction.commit.expected;
        let fails = transaction.fate == Fate::Fails || ctx.now < self.down_until;
        if !holds || fails {
            self.end(ctx, id, Answer::Failed);
            return;
        }
        self.lock = Some(id);
        let most = ctx.options.commit_max;
        ctx.within(0, most, Event::Commit(id));
    }

    /// The transaction commits; gives back what it wrote if it did.
    pub(crate) fn commit(&mut self, ctx: &mut Context, id: TransactionId) -> Option<Commit> {
        if self.lock != Some(id) {
            return None;
        }
        self.lock = None;
        let transaction = self.transactions.get(&id)?;
        if transaction.fate == Fate::IsLost {
            self.end(ctx, id, Answer::Unknown);
            return None;
        }
        let commit = transaction.commit.clone();
        let epoch = transaction.epoch;
        for record in &commit.records {
            self.table.apply(record);
        }
        self.marks.extend(commit.marks.clone());
        self.head.commit_no = commit.number();
        self.commits.push(epoch);
        self.end(ctx, id, Answer::Committed);
        Some(commit)
    }

    fn end(&mut self, ctx: &mut Context, id: TransactionId, answer: Answer) {
        let Some(transaction) = self.transactions.remove(&id) else {
            return;
        };
        if transaction.fate == Fate::CommitsUnheard {
            return;
        }
        let event = Event::Committed(transaction.owner, id, answer);
        ctx.within(0, 5, event);
    }

    /// Takes the partition under a new epoch; nothing if the database is away or the taker must wait
    /// for a transaction that holds the head.
    pub(crate) fn take(&mut self, ctx: &mut Context) -> Option<Taken> {
        if ctx.now < self.down_until {
            return None;
        }
        if let Some(id) = self.lock {
            if !ctx.rng.chance(500) {
                return None;
            }
            self.lock = None;
            self.end(ctx, id, Answer::Unknown);
        }
        let clock = Time(ctx.now.0.saturating_add_signed(self.clock_offset));
        self.head.epoch = Epoch((self.head.epoch.0 + 1).max(clock.0 / 1_000));
        Some(Taken {
            head: self.head,
            rows: self.table.load(),
            marks: self.marks.clone(),
            clock,
        })
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
