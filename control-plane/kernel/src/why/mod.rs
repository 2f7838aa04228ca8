//! Decisions explained as data: pure queries, never asked for while stepping.

mod fit;
mod framework;
mod request;
mod task;
