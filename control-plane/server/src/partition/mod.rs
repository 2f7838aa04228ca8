//! The driver of a partition: one owner of its kernels and of what they write, and a port for
//! everybody else.
//!
//! [`Driver::start`] takes the partition and serves all of its cells on one thread, until
//! [`Driver::stop`], or until another replica has it. The loop (`serve.rs`):
//!
//! 1. What comes in waits in its cell's queue (`arrive.rs`); from gateways of this process by the
//!    cell's [`Handle`], from those of other replicas by links (`in_stream.rs`, `links.rs`).
//! 2. Cells are stepped in turns by measured time, inputs before timers (`step.rs`, `cells.rs`),
//!    while the one commit is in flight (`commit.rs`).
//! 3. What follows leaves behind that commit (rules R1-R3): messages into this process' [`Sessions`]
//!    or onto the link that the peer spoke by, answers to whoever asked (`outputs.rs`). The driver
//!    never waits for an output: a session whose queue is full is cut, a link that takes no more is
//!    ended (rule R12).
//!
//! What goes wrong:
//!
//! - A kernel panics, or the database refuses what a cell writes: that cell alone is loaded anew under
//!   the same epoch; if it fails too often it is quarantined (`failure.rs`, rule R11).
//! - A commit fails, or the [`Lease`] is lost: every session ends, and the partition is taken anew
//!   under a new epoch and loaded from its rows, unless another replica has it by then (`owner.rs`).
//!   Until it is served again callers get [`Unavailable`].
//! - A link breaks: its frameworks have their grace and its agents are excused, since it was not
//!   their doing (`arrive.rs`, `excuses.rs`, rules R18 and R24).
//!
//! With SQLite the store's lock stands for the lease and there are no links; everything else is the
//! same.

mod arrive;
mod boot_clock;
mod cells;
mod clock;
mod commit;
mod credits;
mod driver;
mod excuses;
mod failure;
mod handle;
mod housekeeping;
mod in_stream;
mod lease;
mod link_progress;
mod links;
mod live;
mod load;
mod loader;
mod marks;
mod outputs;
mod owner;
mod port;
mod serve;
mod sessions;
mod status;
mod step;
mod strikes;
mod traces;
mod whereabouts;

pub use boot_clock::BootClock;
pub(crate) use cells::FROM_LINKS_MAX as LINK_QUEUE_MAX;
pub(crate) use credits::CELL_QUEUE_MAX;
pub use driver::{Driver, Network, NotFlushed, Options, StartError};
pub use handle::{Handle, Stamped, Unavailable};
pub use lease::Lease;
pub use owner::Ended;
pub use port::Port;
pub(crate) use sessions::QUEUE_MAX as SESSION_QUEUE_MAX;
pub use sessions::{CellSessions, Delivered, Session, SessionDepths, Sessions};
pub use status::{CellStatus, PartitionStatus, Stage};
pub(crate) use traces::hop;
