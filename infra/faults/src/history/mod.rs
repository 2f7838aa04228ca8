//! What everybody saw in a run, and whether it may have happened.
//!
//! Pure: a run is judged after its end, from plain values that can as well be written by hand.

mod evidence;
mod report;
mod rules;
mod state;

pub use evidence::{Answer, End, Entry, Evidence, Outages, Row, Rows, Seen, Start};
pub use report::{Violation, violations};
pub use state::State;
