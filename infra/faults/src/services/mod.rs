//! The services below the control plane, private to a test.

mod postgres;
mod redis;

pub use postgres::Postgres;
pub use redis::Redis;
