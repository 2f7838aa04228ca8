//! Sharing a driver's time between cells (rule R11).
//!
//! Deficit round robin on measured time: a cell whose turn it is gets a quantum of time and is served
//! until it has used that up. What a step costs is known only afterwards, so a cell may overdraw by one
//! step; it then sits out as many turns as that was worth. Over any time in which two cells have inputs
//! throughout, what they got differs by no more than a quantum and the longest step of either.
//!
//! Source: Shreedhar, Varghese: "Efficient Fair Queueing Using Deficit Round Robin", SIGCOMM 1995.

use std::collections::{BTreeMap, VecDeque};

use insula_types::{CellId, Span};

/// Most quanta that a cell may owe. A step that takes longer than that is a fault of its own; without a
/// bound a single one would shut its cell out for minutes.
const DEBT_MAX: i64 = 1_000;

/// Whose turn it is. The queues of inputs are the driver's; it says who has some.
#[derive(Debug)]
pub struct Turns {
    /// In microseconds, at least one.
    quantum: i64,
    /// Cells with inputs or debts; the one in front is served.
    line: VecDeque<CellId>,
    members: BTreeMap<CellId, Member>,
}

#[derive(Debug)]
struct Member {
    /// Time left of this turn, in microseconds; negative for a debt.
    credit: i64,
    has_inputs: bool,
}

impl Turns {
    /// Nobody has inputs yet. The quantum is a few times the cost of a usual step, so that a cell's
    /// inputs are stepped in runs, and short enough for others to wait for: some milliseconds.
    #[must_use]
    pub fn new(quantum: Span) -> Self {
        Self {
            quantum: micros(quantum).max(1),
            line: VecDeque::new(),
            members: BTreeMap::new(),
        }
    }

    /// The cell has inputs; it joins the end of the line unless it stands there already.
    pub fn wake(&mut self, cell: &CellId) {
        match self.members.get_mut(cell) {
            Some(member) => member.has_inputs = true,
            None => {
                let member = Member {
                    credit: 0,
                    has_inputs: true,
                };
                self.members.insert(cell.clone(), member);
                self.line.push_back(cell.clone());
            }
        }
    }

    /// The cell has no inputs left. What is left of its turn is forfeited; its debts are not, or
    /// whoever overdraws would do best to leave the line each time.
    pub fn sleep(&mut self, cell: &CellId) {
        if let Some(member) = self.members.get_mut(cell) {
            member.has_inputs = false;
        }
    }

    /// Whose inputs are stepped next; nobody's, if nobody has any.
    pub fn next_cell(&mut self) -> Option<&CellId> {
        while let Some(cell) = self.line.front() {
            let Some(member) = self.members.get_mut(cell) else {
                self.line.pop_front();
                continue;
            };
            if !member.has_inputs && member.credit >= 0 {
                self.members.remove(cell);
                self.line.pop_front();
            } else if member.credit <= 0 {
                member.credit += self.quantum;
                if member.credit <= 0 || !member.has_inputs {
                    self.line.rotate_left(1);
                }
            } else {
                break;
            }
        }
        self.line.front()
    }

    /// The cell was served for so long; its turn may be over with that.
    pub fn charge(&mut self, cell: &CellId, cost: Span) {
        let Some(member) = self.members.get_mut(cell) else {
            return;
        };
        let floor = -self.quantum.saturating_mul(DEBT_MAX);
        member.credit = member.credit.saturating_sub(micros(cost)).max(floor);
        if member.credit <= 0 && self.line.front() == Some(cell) {
            self.line.rotate_left(1);
        }
    }

    /// The cell is not served here any more.
    pub fn remove(&mut self, cell: &CellId) {
        self.members.remove(cell);
        self.line.retain(|other| other != cell);
    }
}

fn micros(span: Span) -> i64 {
    i64::try_from(span.0).unwrap_or(i64::MAX)
}
