//! The cells of a partition as its driver sees them: how each is, and what waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use insula_kernel::Input;
use insula_pipeline::fair::Turns;
use insula_telemetry::Span;
use insula_types::{CellId, LinkId, RequestId, TraceContext};

use super::credits::{Credit, REQUESTS_MAX};
use super::handle::{Answer, Question};
use super::status::{CellStatus, Stage};
use super::strikes::Strikes;

/// A cell's turn: a hundred usual steps, and little enough for the others to wait for.
const QUANTUM: insula_types::Span = insula_types::Span::from_millis(4);

/// Inputs of other replicas' gateways that may wait in all cells together, about half a second of
/// work; beyond that no more are read, and they wait in the broker.
pub(crate) const FROM_LINKS_MAX: usize = 16_384;

/// Who hears what became of an input.
#[derive(Debug)]
pub(super) enum Asker {
    Nobody,
    /// Somebody in this process.
    Here(Answer),
    /// Somebody behind a link, under a number of that link and in a trace.
    Link(LinkId, RequestId, TraceContext),
}

/// Which message of which link it came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) link: LinkId,
    pub(super) seq: u64,
}

/// What waits to be done.
pub(super) enum Work {
    Input(Box<Input>, Asker),
    Query(Question),
}

/// What waits for a cell.
pub(super) struct Queued {
    pub(super) work: Work,
    pub(super) origin: Option<Origin>,
    /// From its arrival until it was done; ends when this is dropped.
    pub(super) span: Span,
    /// Given back when this is dropped, done or not.
    pub(super) _credit: Option<Credit>,
}

#[derive(Default)]
struct Cell {
    stage: Stage,
    queue: VecDeque<Queued>,
    strikes: Strikes,
}

/// See the module.
pub(super) struct Cells {
    by_id: BTreeMap<CellId, Cell>,
    turns: Turns,
    from_links: usize,
}

impl Default for Cells {
    fn default() -> Self {
        Self {
            by_id: BTreeMap::new(),
            turns: Turns::new(QUANTUM),
            from_links: 0,
        }
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::Loading(None)
    }
}

impl Cells {
    /// Learns of a cell; whether it is new.
    pub(super) fn admit(&mut self, cell: &CellId) -> bool {
        if self.by_id.contains_key(cell) {
            return false;
        }
        self.by_id.insert(cell.clone(), Cell::default());
        true
    }

    /// All cells, by id.
    pub(super) fn ids(&self) -> impl Iterator<Item = &CellId> {
        self.by_id.keys()
    }

    /// How a cell is; nothing if it is not of this partition.
    pub(super) fn stage(&self, cell: &CellId) -> Option<&Stage> {
        Some(&self.by_id.get(cell)?.stage)
    }

    pub(super) fn set_stage(&mut self, cell: &CellId, stage: Stage) {
        if let Some(entry) = self.by_id.get_mut(cell) {
            entry.stage = stage;
        }
    }

    pub(super) fn strikes(&mut self, cell: &CellId) -> Option<&mut Strikes> {
        Some(&mut self.by_id.get_mut(cell)?.strikes)
    }

    /// Whether an input of a link that can be refused has to be: there are as many as this process'
    /// own gateways may have waiting.
    pub(super) fn is_crowded(&self, cell: &CellId) -> bool {
        let entry = self.by_id.get(cell);
        entry.is_some_and(|entry| entry.queue.len() >= 2 * REQUESTS_MAX)
    }

    /// Whether more may be read from links.
    pub(super) fn has_room_for_links(&self) -> bool {
        self.from_links < FROM_LINKS_MAX
    }

    /// Inputs of links that wait.
    pub(super) fn waiting_from_links(&self) -> usize {
        self.from_links
    }

    /// Puts work in a cell's queue. Only for cells that are served.
    pub(super) fn push(&mut self, cell: &CellId, queued: Queued) {
        if let Some(entry) = self.by_id.get_mut(cell) {
            self.from_links += usize::from(queued.origin.is_some());
            entry.queue.push_back(queued);
            self.turns.wake(cell);
        }
    }

    /// Whether something waits in any queue.
    pub(super) fn is_busy(&mut self) -> bool {
        self.turns.next_cell().is_some()
    }

    /// The next to be done, of the cell whose turn it is.
    pub(super) fn pop(&mut self) -> Option<(CellId, Queued)> {
        let cell = self.turns.next_cell()?.clone();
        let queue = &mut self.by_id.get_mut(&cell)?.queue;
        let queued = queue.pop_front();
        if queue.is_empty() {
            self.turns.sleep(&cell);
        }
        let queued = queued?;
        self.from_links -= usize::from(queued.origin.is_some());
        Some((cell, queued))
    }

    /// What was done for a cell took so long.
    pub(super) fn charge(&mut self, cell: &CellId, took: Duration) {
        self.turns.charge(cell, took.into());
    }

    /// Empties the queue of a cell that is not served any more.
    pub(super) fn empty(&mut self, cell: &CellId) -> Vec<Queued> {
        self.turns.remove(cell);
        let Some(entry) = self.by_id.get_mut(cell) else {
            return Vec::new();
        };
        let queued: Vec<_> = std::mem::take(&mut entry.queue).into();
        self.from_links -= queued.iter().filter(|each| each.origin.is_some()).count();
        queued
    }

    /// Drops what waits of a link that is over: nobody waits for it, and its gateway has been told
    /// that none of it was done.
    pub(super) fn drop_of(&mut self, link: &LinkId) {
        for (cell, entry) in &mut self.by_id {
            let before = entry.queue.len();
            let is_of = |origin: &Origin| origin.link == *link;
            entry
                .queue
                .retain(|queued| !queued.origin.as_ref().is_some_and(is_of));
            self.from_links -= before - entry.queue.len();
            if entry.queue.is_empty() {
                self.turns.sleep(cell);
            }
        }
    }

    /// How they are, for people.
    pub(super) fn status(&self) -> Vec<CellStatus> {
        let cells = self.by_id.iter().map(|(cell, entry)| CellStatus {
            cell: cell.clone(),
            stage: entry.stage.clone(),
            queued: entry.queue.len(),
        });
        cells.collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn timer(link: Option<&str>) -> Queued {
        Queued {
            work: Work::Input(Box::new(Input::Timer), Asker::Nobody),
            span: Span::begin(
                "test",
                insula_telemetry::Kind::Internal,
                &TraceContext::default(),
            ),
            origin: link.map(|link| Origin {
                link: link.into(),
                seq: 1,
            }),
            _credit: None,
        }
    }

    #[test]
    fn a_noisy_cell_leaves_the_others_their_turns() {
        let mut cells = Cells::default();
        let (noisy, quiet) = (CellId::from("noisy"), CellId::from("quiet"));
        cells.admit(&noisy);
        cells.admit(&quiet);
        for _ in 0..1_000 {
            cells.push(&noisy, timer(None));
        }
        cells.push(&quiet, timer(None));
        let step = Duration::from_millis(1);
        let before_quiet = std::iter::from_fn(|| {
            let (cell, _) = cells.pop()?;
            cells.charge(&cell, step);
            Some(cell)
        })
        .take_while(|cell| *cell == noisy)
        .count();
        assert!(before_quiet <= 8, "{before_quiet} steps of the noisy one");
    }

    #[test]
    fn what_waits_of_a_link_that_is_over_is_dropped() {
        let mut cells = Cells::default();
        let cell = CellId::from("cell");
        cells.admit(&cell);
        cells.push(&cell, timer(Some("a.1")));
        cells.push(&cell, timer(None));
        cells.push(&cell, timer(Some("b.1")));
        cells.drop_of(&"a.1".into());
        assert_eq!(cells.from_links, 1);
        assert_eq!(cells.pop().unwrap().1.origin, None);
        assert_eq!(cells.pop().unwrap().1.origin.unwrap().link, "b.1".into());
        assert!(cells.pop().is_none() && !cells.is_busy());
        assert_eq!(cells.from_links, 0);
    }
}
