//! The rules of this repository, as tests.
//!
//! What the design forbids is checked here instead of being remembered in reviews: which crate may
//! depend on which, who may name a database or a system call, what the pure crates must never
//! touch, how long a file may grow, and that the documents point at things that exist.
//!
//! Each rule is a pure function from what was read to a list of [`Finding`]s, with unit tests that
//! show it firing. The tests in `tests/` read this repository once ([`Repository::open`]) and apply
//! the rules to it, one test per rule, named by the sentence that must hold.
//!
//! - [`arrows`]: internal dependencies, and who may name certain crates.
//! - [`purity`]: what the pure crates may not name, and where `unsafe` may stand.
//! - [`sizes`]: lengths, names and front pages of source files.
//! - [`manifests`]: workspace inheritance and refused packages.
//! - [`documents`]: links and words.
//! - [`effects`]: that `effects.md` knows every message of the kernel.
//!
//! Nothing here parses Rust fully: [`source`] blanks comments and literals and then looks at words
//! and paths. That finds every honest slip; it does not try to stop somebody who hides.

pub mod arrows;
pub mod documents;
pub mod effects;
mod finding;
pub mod manifests;
pub mod purity;
mod repository;
pub mod sizes;
pub mod source;

pub use finding::{Finding, assert_none};
pub use repository::{Dependency, DependencyKind, File, OpenError, Package, Repository};
