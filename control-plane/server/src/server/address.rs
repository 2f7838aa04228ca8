//! Where a control plane is, as others see it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use uuid::Uuid;

use crate::gateway::mesos::Master;
use crate::service::wall_clock;

/// An address that can be dialled: that of loopback where the server listens on all of them.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Names that the server's certificate carries beside its own: those of this machine, and the hosts
/// of these addresses (`host:port`).
pub(super) fn names<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        Ipv4Addr::LOCALHOST.to_string(),
        Ipv6Addr::LOCALHOST.to_string(),
    ];
    for address in addresses {
        let host = host(address).to_owned();
        let is_any = host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
        if !is_any && !names.contains(&host) {
            names.push(host);
        }
    }
    names
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// As what the control plane introduces itself that everybody reaches at `public`. A name that is not
/// resolved here, as that of a load balancer may not be, leaves the numbers to be those of `listens`.
pub(super) async fn master(public: &str, listens: SocketAddr) -> Master {
    let port = public
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    let resolved = match tokio::net::lookup_host(public).await {
        Ok(mut found) => found.next(),
        Err(_) => None,
    };
    let ip = resolved.map_or(reachable(listens).ip(), |found| found.ip());
    Master {
        id: Uuid::new_v4().to_string(),
        hostname: host(public).to_owned(),
        ip,
        port: port.unwrap_or(listens.port()),
        started_at: wall_clock(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_certificate_names_every_host_once() {
        let names = names([
            "10.0.0.1:5050",
            "lb.example:443",
            "localhost:1",
            "[2001:db8::1]:1",
        ]);
        assert_eq!(
            names,
            [
                "localhost",
                "127.0.0.1",
                "::1",
                "10.0.0.1",
                "lb.example",
                "2001:db8::1"
            ]
        );
        assert_eq!(super::names(["0.0.0.0:1", "[::]:1"]).len(), 3);
    }

    #[tokio::test]
    async fn a_master_is_where_everybody_reaches_the_service() {
        let listens = "0.0.0.0:5050".parse().unwrap();
        let master = master("192.0.2.7:443", listens).await;
        assert_eq!(master.address(), "192.0.2.7:443");
        assert_eq!(master.hostname, "192.0.2.7");
    }
}
