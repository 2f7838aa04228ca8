//! One task, from a prepared module to the way it ended.

mod backtrace;
mod ended;
mod guest;
mod stop;
mod task;

pub(crate) use ended::{End, Ended};
pub(crate) use guest::run;
pub(crate) use stop::{Interrupted, Stop};
pub(crate) use task::Task;
