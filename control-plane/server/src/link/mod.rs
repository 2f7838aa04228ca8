//! Links: the conversation between the gateways of this replica and the owners in others.
//!
//! A gateway whose cell is owned by another replica puts inputs into the in-stream of that owner's
//! epoch and hears messages and answers on this replica's out-stream, both by the broker. A *link* is
//! one incarnation of that; per partition there is at most one, made when it is first needed. Nothing
//! is said on it before the owner has welcomed it, so an owner that died is found out before anything
//! is entrusted to it.
//!
//! A link ends with the first thing that is not as it should be: a lost or repeated message, silence,
//! another owner, a word of the owner's own. Then
//! - frameworks' sessions of its cells end, and the frameworks subscribe again, by which they know that
//!   they must reconcile (rule R17);
//! - agents stay connected and are asked to register again as soon as the next owner has welcomed this
//!   replica, which happens without anybody asking; if none has for too long, although one serves,
//!   their sessions end, and they look for it through another replica (rule R24);
//! - asks under way are answered: those that may have been applied as uncertain, the others as
//!   certainly not, by the marks of former links that the next owner tells in its welcome (rule R16).
//!
//! Nothing is ever sent twice.
//!
//! [`Links`] is one per process; [`Link`] is the way to one owner. `conversation.rs` decides what
//! follows from what and is pure; `links.rs` does it; `hear.rs` reads the out-stream, and `care.rs`
//! sees to what nobody says. The owner's end is in `partition/`. `wire.rs` is what both say.

mod care;
mod conversation;
mod hear;
mod links;
mod rest;
mod way;
pub(crate) mod wire;

pub use links::Links;
pub use way::Link;

#[cfg(test)]
mod tests;
