//! The ways a task ends, and how wasmtime's errors map to them.

use std::time::Duration;

use wasmtime_wasi::I32Exit;

use super::Interrupted;
use super::backtrace;
use crate::limits::Limiter;

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The guest returned or called exit.
    Exit(i32),
    /// The guest did what it must not do.
    Trap,
    /// The guest ended abnormally after it was refused memory; with an exit code if it chose one.
    MemoryLimit(Option<i32>),
    /// The guest ran longer than it may.
    WallTime,
    /// Somebody asked for it.
    Killed,
    /// The guest never ran.
    StartFailed,
}

/// The end of a task with all that is known about it.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) end: End,
    /// One sentence for people.
    pub(crate) message: String,
    /// Names of the guest's functions, innermost first.
    pub(crate) backtrace: Vec<String>,
    /// Time from instantiation to the first instruction.
    pub(crate) instantiate: Duration,
    /// Time from the first instruction to the end.
    pub(crate) run: Duration,
    /// The most memory held at once, in bytes.
    pub(crate) peak_memory: u64,
}

impl Ended {
    /// The end of a task that never ran.
    pub(crate) fn before_start(end: End, message: String) -> Self {
        Self {
            end,
            message,
            backtrace: Vec::new(),
            instantiate: Duration::ZERO,
            run: Duration::ZERO,
            peak_memory: 0,
        }
    }
}

/// What came of a guest's call, in words.
pub(super) struct Verdict {
    pub(super) end: End,
    pub(super) message: String,
    pub(super) backtrace: Vec<String>,
}

/// Judges how a guest ended that did run. `Ok` holds its exit code.
pub(super) fn judge(result: Result<i32, wasmtime::Error>, limiter: &Limiter) -> Verdict {
    let error = match result {
        Ok(code) => return exited(code, limiter),
        Err(error) => error,
    };
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return exited(*code, limiter);
    }
    let backtrace = backtrace::names(&error);
    if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
        return Verdict {
            backtrace,
            ..stopped(*interrupted)
        };
    }
    // The root of a trap is wasmtime's `wasm trap: ...`; anything else was raised by a host call.
    let cause = error.root_cause().to_string();
    if limiter.refused() {
        let message = format!("{}; then the guest failed: {cause}", reached(limiter));
        return Verdict {
            end: End::MemoryLimit(None),
            message,
            backtrace,
        };
    }
    Verdict {
        end: End::Trap,
        message: cause,
        backtrace,
    }
}

/// Judges a guest that could not be instantiated.
pub(super) fn judge_start(error: &wasmtime::Error, limiter: &Limiter) -> Verdict {
    let cause = error.root_cause();
    let message = if limiter.refused() {
        format!(
            "the module needs more memory to start than the {} the task has; give the task more memory",
            mebibytes(limiter.limit())
        )
    } else if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        format!("the executor has no room for this module now ({cause}); launch the task again")
    } else {
        format!("the module cannot start: {cause}")
    };
    Verdict {
        end: End::StartFailed,
        message,
        backtrace: backtrace::names(error),
    }
}

/// The end of a guest that was stopped where it could not be asked, in a host call.
pub(super) fn stopped(interrupted: Interrupted) -> Verdict {
    let (end, message) = match interrupted {
        Interrupted::Killed => (End::Killed, "killed on request".to_owned()),
        Interrupted::WallTime => (End::WallTime, "wall time limit reached".to_owned()),
    };
    Verdict {
        end,
        message,
        backtrace: Vec::new(),
    }
}

fn exited(code: i32, limiter: &Limiter) -> Verdict {
    let (end, message) = match code {
        0 => (End::Exit(0), "exited with code 0".to_owned()),
        _ if limiter.refused() => (
            End::MemoryLimit(Some(code)),
            format!(
                "{}; then the guest exited with code {code}",
                reached(limiter)
            ),
        ),
        _ => (End::Exit(code), format!("exited with code {code}")),
    };
    Verdict {
        end,
        message,
        backtrace: Vec::new(),
    }
}

fn reached(limiter: &Limiter) -> String {
    format!("memory limit of {} reached", mebibytes(limiter.limit()))
}

/// Whole mebibytes where that is exact, else bytes.
fn mebibytes(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{bytes} bytes")
    }
}
