//! A relay between two ends that can be broken.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::traffic::{Traffic, carry};

/// Where connections go: asked for each anew. `None` refuses it.
pub(super) type Route = Arc<dyn Fn() -> Option<SocketAddr> + Send + Sync>;

/// Listens on a port of its own and relays to another. Dropping it closes everything.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    switch: Arc<Switch>,
    relaying: JoinHandle<()>,
}

/// The three things that a test can do to a network.
#[derive(Debug)]
struct Switch {
    there: watch::Sender<Traffic>,
    back: watch::Sender<Traffic>,
    /// Whether connections are possible at all.
    is_whole: watch::Sender<bool>,
}

impl Proxy {
    /// Relays to one address.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn to(target: SocketAddr) -> Self {
        Self::by(Arc::new(move || Some(target))).await
    }

    pub(super) async fn by(route: Route) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.unwrap_or_else(|error| panic!("there is no free port: {error}"));
        let address = listener.local_addr();
        let switch = Arc::new(Switch {
            there: watch::Sender::new(Traffic::Flows),
            back: watch::Sender::new(Traffic::Flows),
            is_whole: watch::Sender::new(true),
        });
        Self {
            address: address.unwrap_or_else(|error| panic!("a port has no address: {error}")),
            relaying: tokio::spawn(relay(listener, route, Arc::clone(&switch))),
            switch,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection and refuses new ones: the other end is told at once.
    pub fn cut(&self) {
        self.switch.is_whole.send_replace(false);
    }

    /// How bytes travel from whoever connected, and back to them.
    pub fn set(&self, there: Traffic, back: Traffic) {
        self.switch.there.send_replace(there);
        self.switch.back.send_replace(back);
    }

    /// Swallows everything in both directions: nobody is told.
    pub fn swallow(&self) {
        self.set(Traffic::Swallowed, Traffic::Swallowed);
    }

    /// Makes it whole again.
    pub fn heal(&self) {
        self.set(Traffic::Flows, Traffic::Flows);
        self.switch.is_whole.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.relaying.abort();
    }
}

/// Ends when it is aborted, and its connections with it.
async fn relay(listener: TcpListener, route: Route, switch: Arc<Switch>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept() => {
                // Too many open files, or a caller that left: the next one may fare better.
                let Ok((caller, _)) = accepted else { continue };
                if !*switch.is_whole.borrow() {
                    continue;
                }
                if let Some(target) = route() {
                    connections.spawn(connect(caller, target, Arc::clone(&switch)));
                }
            }
        }
    }
}

async fn connect(caller: TcpStream, target: SocketAddr, switch: Arc<Switch>) {
    let mut is_whole = switch.is_whole.subscribe();
    tokio::select! {
        // However it ends, both ends are closed.
        _ended = both_ways(caller, target, &switch) => {}
        _cut = is_whole.wait_for(|whole| !whole) => {}
    }
}

async fn both_ways(caller: TcpStream, target: SocketAddr, switch: &Switch) -> io::Result<()> {
    // A route that swallows does so from the first packet on.
    let mut there = switch.there.subscribe();
    let open = there.wait_for(|traffic| *traffic != Traffic::Swallowed);
    let _ = open.await;
    let callee = TcpStream::connect(target).await?;
    caller.set_nodelay(true)?;
    callee.set_nodelay(true)?;
    let (from_caller, to_caller) = caller.into_split();
    let (from_callee, to_callee) = callee.into_split();
    tokio::try_join!(
        carry(from_caller, to_callee, switch.there.subscribe()),
        carry(from_callee, to_caller, switch.back.subscribe()),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    /// Repeats whatever it is told.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = caller.split();
                    let _ended = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn call(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(proxy.address()).await.unwrap()
    }

    async fn repeats(connection: &mut TcpStream) -> bool {
        let mut answer = [0; 2];
        connection.write_all(b"hi").await.is_ok()
            && connection.read_exact(&mut answer).await.is_ok()
            && answer == *b"hi"
    }

    #[tokio::test]
    async fn what_is_cut_is_closed_and_refused_until_it_is_healed() {
        let proxy = Proxy::to(echo().await).await;
        let mut connection = call(&proxy).await;
        assert!(repeats(&mut connection).await);
        proxy.cut();
        assert!(!repeats(&mut connection).await);
        assert!(!repeats(&mut call(&proxy).await).await);
        proxy.heal();
        assert!(repeats(&mut call(&proxy).await).await);
    }

    #[tokio::test]
    async fn what_is_swallowed_says_nothing_and_ends_when_traffic_flows_again() {
        let proxy = Proxy::to(echo().await).await;
        let mut connection = call(&proxy).await;
        assert!(repeats(&mut connection).await);
        proxy.set(Traffic::Flows, Traffic::Swallowed);
        let silence = timeout(Duration::from_millis(50), repeats(&mut connection)).await;
        assert!(silence.is_err());
        proxy.heal();
        assert_eq!(connection.read(&mut [0; 1]).await.unwrap_or(0), 0);
        assert!(repeats(&mut call(&proxy).await).await);
    }

    #[tokio::test]
    async fn what_is_delayed_arrives() {
        let proxy = Proxy::to(echo().await).await;
        proxy.set(Traffic::Delayed(Duration::from_millis(20)), Traffic::Flows);
        let before = tokio::time::Instant::now();
        assert!(repeats(&mut call(&proxy).await).await);
        assert!(before.elapsed() >= Duration::from_millis(20));
    }
}
