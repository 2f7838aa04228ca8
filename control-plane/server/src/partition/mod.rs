//! The driver of a partition: one owner of kernel and store, and a handle for everybody else.
//!
//! Gateways know the driver only through [`Handle`]: they open a session, put inputs in, and take
//! messages out of the session's bounded queue. The driver never waits for an output: a session
//! whose queue is full is cut, and its peer comes back and resynchronises (rule R12).

//!
//! [`Driver::start`] takes the partition and serves it on a thread of its own until
//! [`Driver::stop`]. Inputs are stepped while the one commit is in flight; what follows from them
//! leaves behind that commit (rules R1-R3). When a commit fails, every session ends and the cell is
//! loaded anew under a new epoch; until the store is back, callers get [`Unavailable`].

mod clock;
mod driver;
mod handle;
mod housekeeping;
mod load;
mod outputs;
mod owner;
mod serve;
mod sessions;

pub use driver::{Driver, NotFlushed, Options, StartError};
pub use handle::{Handle, Request, Stamped, Unavailable};
pub use sessions::{Delivered, Session, Sessions};
