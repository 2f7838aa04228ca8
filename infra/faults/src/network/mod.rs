//! A network that can be broken without privileges: everything goes through loopback proxies.

mod balancer;
mod proxy;
mod traffic;

pub use balancer::Balancer;
pub(crate) use balancer::is_ready;
pub use proxy::Proxy;
pub use traffic::Traffic;
