//! What every backend of the store must do, written over a handle.
//!
//! Each test runs on every [`site::Site`] that can show what it is about; another backend joins by
//! becoming a site.
#![allow(clippy::unwrap_used)]

mod commits;
mod crash;
mod enrollment;
mod fence;
mod formats;
mod lists;
mod model;
mod modules;
mod paused;
mod round_trip;
mod sample;
mod site;
