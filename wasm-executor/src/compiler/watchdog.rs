//! Says in a sentence that a module is too expensive, before the kernel says it with a signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use insula_proto::insula::wasm::v1::{Refused, compile_result::Outcome};

use super::{Answer, Options};
use crate::module::Refusal;
use crate::sandbox::{Usage, usage};

/// How often usage is looked at. The kernel's limits leave room for what happens in between.
const INTERVAL: Duration = Duration::from_millis(50);

/// Watches this process until it is disarmed.
pub(super) struct Watchdog(Arc<AtomicBool>);

impl Watchdog {
    /// Ends the watch: compilation is over, and what follows must not be cut short.
    pub(super) fn disarm(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Starts the watch. Without a thread for it the kernel's limits stand alone.
pub(super) fn start(options: &Options, answer: Answer) -> Watchdog {
    let disarmed = Arc::new(AtomicBool::new(false));
    let watchdog = Watchdog(Arc::clone(&disarmed));
    let options = options.clone();
    let watching = thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || {
            while !disarmed.load(Ordering::Acquire) {
                if let Some(refusal) = exceeded(&options, usage()) {
                    let reason = refusal.to_string();
                    answer.give(Outcome::Refused(Refused { reason }));
                    // Nothing else can stop the threads that compile.
                    std::process::exit(0);
                }
                thread::park_timeout(INTERVAL);
            }
        });
    if let Err(error) = watching {
        tracing::warn!(%error, "cannot start the compiler's watchdog");
    }
    watchdog
}

fn exceeded(options: &Options, used: Usage) -> Option<Refusal> {
    if used.cpu > Duration::from_secs(options.cpu_seconds) {
        return Some(Refusal::CompileTime {
            seconds: options.cpu_seconds,
        });
    }
    if used.resident_bytes > options.memory_bytes {
        return Some(Refusal::CompileMemory {
            bytes: options.memory_bytes,
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::exceeded;
    use crate::compiler::Options;
    use crate::module::Refusal;
    use crate::sandbox::Usage;

    #[test]
    fn each_limit_has_its_refusal() {
        let options = Options::new(PathBuf::new(), PathBuf::new());
        let cpu = Duration::from_secs(options.cpu_seconds + 1);
        let resident_bytes = options.memory_bytes + 1;
        assert_eq!(exceeded(&options, Usage::default()), None);
        assert_eq!(
            exceeded(
                &options,
                Usage {
                    cpu,
                    resident_bytes: 0
                }
            ),
            Some(Refusal::CompileTime {
                seconds: options.cpu_seconds
            })
        );
        assert_eq!(
            exceeded(
                &options,
                Usage {
                    cpu: Duration::ZERO,
                    resident_bytes
                }
            ),
            Some(Refusal::CompileMemory {
                bytes: options.memory_bytes
            })
        );
    }
}
