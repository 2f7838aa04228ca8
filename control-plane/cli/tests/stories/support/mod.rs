//! Machinery of the stories.

mod dev;
mod insula;
mod leftovers;
mod log;
mod place;
mod replica;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) use dev::Dev;
pub(crate) use insula::{Insula, Ran, Running};
pub(crate) use place::Place;
pub(crate) use replica::{Replica, Service};

/// How long anything may take before a test gives up: two busy processors need seconds for what
/// takes milliseconds otherwise.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// Time between two looks at something that nobody announces.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until there is something to see.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

/// Sends a signal, by its name without `SIG`; to a process that has just ended it is lost.
fn signal(pid: u32, name: &str) {
    let mut sh = Command::new("sh");
    sh.arg("-c").arg(format!("kill -{name} {pid}"));
    let _ended_before = sh.stderr(Stdio::null()).status().unwrap();
}
