//! What every backend of the store must do, written over a handle.
//!
//! Each test runs on every [`site::Site`] that can show what it is about; another backend joins by
//! becoming a site.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod commits;
mod crash;
mod cut;
mod data_errors;
mod enrollment;
mod fence;
mod formats;
mod history;
mod leases;
mod lists;
mod membership;
mod migrations;
mod model;
mod modules;
mod paused;
mod placement;
mod recover;
mod retention;
mod round_trip;
mod sample;
mod server;
mod site;
mod stopped;
