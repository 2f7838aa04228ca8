//! What happens to bytes on their way.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

/// How one direction of a connection behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Traffic {
    /// Everything passes at once.
    #[default]
    Flows,
    /// Everything passes later.
    Delayed(Duration),
    /// Nothing passes, and nobody is told: bytes are swallowed as by a broken route. A connection
    /// that lost some is closed when traffic flows again, since TCP would not have lost them.
    Swallowed,
}

/// Bytes taken at a time.
const PIECE: usize = 16 << 10;

/// Carries bytes one way until an end closes; then closes the other.
pub(super) async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut traffic: watch::Receiver<Traffic>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let now = *traffic.borrow_and_update();
        match now {
            Traffic::Flows => {}
            Traffic::Delayed(by) => sleep(by).await,
            Traffic::Swallowed => {
                // The sender of the switch lives as long as the proxy.
                let healed = traffic.wait_for(|traffic| *traffic != Traffic::Swallowed);
                let _ = healed.await;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        to.write_all(&piece[..read]).await?;
    }
}
