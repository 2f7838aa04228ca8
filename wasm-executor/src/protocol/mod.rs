//! The executor's wire: frames on a byte stream, and the values they carry.

mod convert;
pub(crate) mod frame;

pub(crate) use convert::{
    ended, launch, queued, refused, running, trace, trace_of_environment, unknown,
};
