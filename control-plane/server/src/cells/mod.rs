//! The cells, wherever they are served.
//!
//! A gateway finds a cell by its id ([`Cells::find`]) and works with its [`Handle`]: the same whether
//! this replica owns the cell's partition or another one does. Where it is served is looked up with
//! each call, so that a handle outlives every change of owner.
//!
//! ```text
//! cell ─► partition (the cell's row, remembered) ─► owner (leases, announcements) ─► this process
//!                                                                               └──► a link to it
//! ```
//!
//! Promises: whoever asks gets an answer or [`Unavailable`](crate::partition::Unavailable) within a
//! bounded time (rule R16). What was certainly not applied is tried again for a moment, so that
//! nobody notices a partition that is handed over; what may have been applied never is.

mod directory;
mod handle;

pub use directory::{Cells, FindError};
pub use handle::Handle;
