//! What the service knows beside the scheduling, as plain values, and how they are read from rows.
//! The statements that both databases understand stand here as well, once.

pub(crate) mod authority;
pub(crate) mod enrollment;
pub(crate) mod module;

pub use authority::Authority;
pub use enrollment::{Admission, AgentIdentity, EnrollmentToken, Sha256};
pub use module::{Module, ModuleBytes, ModuleKind, Upload};
