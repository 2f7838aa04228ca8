//! Waiting for what nobody announces.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything may take before a test gives up: two busy processors need seconds for what
/// takes milliseconds otherwise.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until there is something to see.
///
/// # Panics
/// After [`DEADLINE`], with what was waited for.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl FnMut() -> F) -> T {
    until_within(DEADLINE, what, look).await
}

/// As [`until`], with a deadline of the caller's.
///
/// # Panics
/// After the deadline, with what was waited for.
pub async fn until_within<T, F: Future<Output = Option<T>>>(
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        sleep(LOOK).await;
    }
}
