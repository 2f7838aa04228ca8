//! What travels between programs: the Mesos v1 interface, the agent's and the executor's protocols,
//! and the REST API, with the conversions to the words of [`insula_types`].
//!
//! The `.proto` files below `proto/` are the only model. The build makes Rust types of them, one
//! module per package ([`mesos`], [`insula`]), and embeds their descriptors ([`DESCRIPTORS`]); no
//! protoc is needed. A message has two faces on the wire, protobuf and JSON, from the same model.
//!
//! How a server handles a call of a Mesos client:
//!
//! 1. [`decode_json`] or [`decode_protobuf`], by the content type, makes a message of the body. They
//!    accept what a Mesos master accepts, and refuse with its sentences. A message that comes out has
//!    all its required fields, and its size, depth and number of parts are bounded.
//! 2. [`validate::scheduler_call`] or [`validate::executor_call`] checks that the call is complete
//!    for its type.
//! 3. [`convert`] makes ids, exact resources, tasks and frameworks of its parts. What it refuses
//!    becomes the `ERROR` event of a subscription or the `TASK_ERROR` of a task.
//! 4. Events go back through [`convert`], [`encode_json`] (or protobuf) and [`recordio::encode`].
//!
//! What this crate refuses to do: it looks nothing up, keeps no state, and decides nothing about who
//! may do what. Nothing here panics on what comes from outside.
//!
//! Rules that must never break:
//! - Field numbers, names and types below `proto/mesos` are those of Mesos 1.11 and never change.
//!   Fields of our own have numbers from 50001 on, and old clients are not affected by them.
//! - JSON names of fields are the declared ones, in the order of declaration: the captures of a real
//!   master in `tests/json_write.rs` are kept byte for byte.

pub mod convert;
pub mod credential;
pub mod decode;
mod generated;
pub mod join_token;
pub mod json;
pub mod recordio;
pub mod required;
pub mod rest;
mod schema;
pub mod validate;
mod wire;

pub use credential::{Credential, NotACredential};
pub use decode::{DecodeError, decode_json, decode_protobuf};
pub use generated::{insula, mesos};
pub use join_token::{JoinToken, JoinTokenError};
pub use json::{encode_json, encode_json_into, encode_json_value};
pub use schema::DESCRIPTORS;
