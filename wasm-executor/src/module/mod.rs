//! Modules: what they are, whether they can run here, and how their artifacts are loaded.

mod inspect;
mod link;
mod load;
mod refusal;

pub(crate) use inspect::{Kind, check_bytes, check_command, import_names};
pub(crate) use link::{Linkers, Prepared, Program};
pub(crate) use load::{Loaded, load};
pub use refusal::Refusal;
