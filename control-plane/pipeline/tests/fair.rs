//! Time is shared evenly between the cells that want some.

use std::collections::BTreeMap;

use insula_pipeline::fair::Turns;
use insula_types::{CellId, Span};
use proptest::prelude::*;

const QUANTUM: Span = Span::from_millis(2);

fn cell(number: usize) -> CellId {
    CellId::from(format!("cell-{number}"))
}

/// Serves so many steps, and gives what each cell got, in microseconds.
fn serve(
    turns: &mut Turns,
    steps: usize,
    cost: impl Fn(&CellId, usize) -> u64,
) -> BTreeMap<CellId, u64> {
    let mut got = BTreeMap::new();
    for step in 0..steps {
        let Some(cell) = turns.next_cell().cloned() else {
            break;
        };
        let cost = cost(&cell, step);
        turns.charge(&cell, Span(cost));
        *got.entry(cell).or_default() += cost;
    }
    got
}

#[test]
fn nobody_is_served_who_has_no_inputs() {
    let mut turns = Turns::new(QUANTUM);
    assert_eq!(turns.next_cell(), None);
    turns.wake(&cell(1));
    assert_eq!(turns.next_cell(), Some(&cell(1)));
    turns.sleep(&cell(1));
    assert_eq!(turns.next_cell(), None);
    turns.wake(&cell(2));
    turns.remove(&cell(2));
    assert_eq!(turns.next_cell(), None);
}

#[test]
fn a_cells_inputs_are_served_in_runs() {
    let mut turns = Turns::new(QUANTUM);
    turns.wake(&cell(1));
    turns.wake(&cell(2));
    let mut order = Vec::new();
    for _ in 0..8 {
        if let Some(cell) = turns.next_cell().cloned() {
            turns.charge(&cell, Span(1_000));
            order.push(cell);
        }
    }
    let expected = [1, 1, 2, 2, 1, 1, 2, 2].map(cell);
    assert_eq!(order, expected);
}

#[test]
fn a_step_that_took_long_is_paid_for_even_by_a_cell_that_slept() {
    let mut turns = Turns::new(QUANTUM);
    turns.wake(&cell(1));
    turns.wake(&cell(2));
    assert_eq!(turns.next_cell(), Some(&cell(1)));
    turns.charge(&cell(1), Span(21_000));
    turns.sleep(&cell(1));
    turns.wake(&cell(1));
    let got = serve(&mut turns, 20, |_, _| 1_000);
    assert_eq!(got.get(&cell(1)), None);
    let got = serve(&mut turns, 100, |_, _| 1_000);
    assert!(got[&cell(1)] >= 45_000, "and no longer than it took");
}

#[test]
fn a_debt_is_forgotten_while_nobody_else_waits() {
    let mut turns = Turns::new(QUANTUM);
    turns.wake(&cell(1));
    assert_eq!(turns.next_cell(), Some(&cell(1)));
    turns.charge(&cell(1), Span(3_600_000_000));
    assert_eq!(turns.next_cell(), Some(&cell(1)));
}

proptest! {
    /// Cells that always have inputs get the same time, however long their steps take.
    #[test]
    fn busy_cells_get_the_same(
        costs in prop::collection::vec(1_u64..20_000, 2..8),
        steps in 1_usize..2_000,
    ) {
        let mut turns = Turns::new(QUANTUM);
        for number in 0..costs.len() {
            turns.wake(&cell(number));
        }
        let by_cell: BTreeMap<CellId, u64> = (0..).map(cell).zip(costs.iter().copied()).collect();
        let got = serve(&mut turns, steps, |cell, step| {
            let cost = by_cell[cell];
            1 + (cost.wrapping_mul(step as u64 + 7)) % cost
        });
        let longest = costs.iter().max().copied().unwrap_or(0);
        let most = got.values().max().copied().unwrap_or(0);
        let least = (0..costs.len()).map(|number| got.get(&cell(number)).copied().unwrap_or(0)).min();
        prop_assert!(most - least.unwrap_or(0) <= QUANTUM.0 + 2 * longest);
    }
}
