//! The contract of `insula-broker`, against both backends.
//!
//! Every story runs in process, and against Redis where there is one: with the binary `redis-server`
//! on the path each story starts a server of its own; else `INSULA_TEST_REDIS_URL` names one, and
//! stories that would harm it are skipped aloud.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bounds;
mod faults;
mod flow;
mod redis;
mod support;
