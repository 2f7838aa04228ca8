//! One file per command: its arguments and what it does; and [`patience`], which those that wait share.

pub(crate) mod agent;
pub(crate) mod agents;
pub(crate) mod completions;
pub(crate) mod events;
pub(crate) mod frameworks;
pub(crate) mod kill;
pub(crate) mod logs;
pub(crate) mod module;
pub(crate) mod offers;
pub(crate) mod partitions;
pub(crate) mod patience;
pub(crate) mod ps;
pub(crate) mod replicas;
pub(crate) mod run;
pub(crate) mod token;
pub(crate) mod trace;
pub(crate) mod version;
pub(crate) mod wait;
pub(crate) mod why;
