//! The compiler process: turns one module into one artifact in the cache, and runs no guest.
//!
//! It is started for one module, under limits, and ends after it has written one frame with a
//! `CompileResult` to its stdout. What nobody has compiled before may be made to be expensive, so
//! time and memory are bounded; what is exceeded is said in a sentence where possible (`watchdog`),
//! else the kernel ends the process.

mod artifact;
mod compile;
mod watchdog;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use insula_proto::insula::wasm::v1::{
    CompileResult, Failed, Probed, Refused, compile_result::Outcome,
};

use crate::engine;
use crate::protocol::{frame, trace_of_environment};
use crate::sandbox::{Limits, confine};

pub use artifact::StoreError;
pub use compile::Error;
pub use insula_proto::insula::wasm::v1::Compiled;

/// What the compiler process is asked to do, and within which limits.
#[derive(Clone, Debug)]
pub struct Options {
    /// The module to compile.
    pub module: PathBuf,
    /// The folder that gets the artifact; it must exist.
    pub cache: PathBuf,
    /// SHA-256 that the module must have, as 64 lowercase hexadecimal digits.
    pub digest: Option<String>,
    /// Longest module, in bytes.
    pub module_bytes: u64,
    /// Processor time, in seconds, of all threads together.
    pub cpu_seconds: u64,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
}

impl Options {
    /// Options with the usual limits: 64 MiB of module, 300 s of processor time, 4 GiB of memory.
    /// The largest interpreter tried (26 MiB) took 12 s.
    #[must_use]
    pub fn new(module: PathBuf, cache: PathBuf) -> Self {
        Self {
            module,
            cache,
            digest: None,
            module_bytes: 64 << 20,
            cpu_seconds: 300,
            memory_bytes: 4 << 30,
        }
    }

    /// The kernel's limits, which are for the case that the watchdog is not heard: somewhat wider.
    fn process_limits(&self) -> Limits {
        /// Time the watchdog and the answer may take, in seconds.
        const CPU_MARGIN: u64 = 10;
        /// Address space that is reserved and not used: stacks of threads, arenas of the allocator.
        const ADDRESS_SPACE_MARGIN: u64 = 8 << 30;
        /// Machine code is up to ten times as long as the module it comes from.
        const ARTIFACT_GROWTH: u64 = 32;
        Limits {
            cpu_seconds: Some(self.cpu_seconds.saturating_add(CPU_MARGIN)),
            address_space_bytes: Some(self.memory_bytes.saturating_add(ADDRESS_SPACE_MARGIN)),
            file_bytes: Some(self.module_bytes.saturating_mul(ARTIFACT_GROWTH)),
            files: Some(64),
        }
    }
}

/// Compiles one module and answers on stdout. Call it first thing in a process of its own: it
/// confines the process for good.
///
/// The exit code is success whenever an answer was written, whatever it says.
pub fn run(options: &Options) -> ExitCode {
    let answer = Answer::default();
    if let Err(error) = confine(&options.process_limits()) {
        return answer.give(failed(&error));
    }
    let watchdog = watchdog::start(options, answer.clone());
    let result = compile::compile(options, || watchdog.disarm());
    answer.give(match result {
        Ok(compiled) => Outcome::Compiled(compiled),
        Err(Error::Refused(refusal)) => Outcome::Refused(Refused {
            reason: refusal.to_string(),
        }),
        Err(error) => failed(&error),
    })
}

/// Compiles one module in this process, without its limits of time and memory: for modules that
/// are trusted, and for tests.
///
/// # Errors
/// `Refused` when the module cannot run here, the others when the machine fails.
pub fn compile(options: &Options) -> Result<Compiled, Error> {
    compile::compile(options, || ())
}

/// Answers on stdout with the key of this compiler's artifacts, so that an agent can tell whether
/// one is in the cache without starting the compiler again.
pub fn probe() -> ExitCode {
    let outcome = match engine::for_compiler() {
        Ok(engine) => Outcome::Probed(Probed {
            engine_key: engine::key(&engine),
        }),
        Err(error) => Outcome::Failed(Failed {
            error: format!("cannot start the engine: {error}"),
        }),
    };
    Answer::default().give(outcome)
}

/// The one answer of this process, whoever gives it first.
#[derive(Clone, Default)]
struct Answer(Arc<Mutex<Given>>);

#[derive(Default)]
struct Given(bool);

impl Answer {
    /// Writes the answer unless there was one. Holds the lock meanwhile, so that the process does
    /// not end in the middle of it.
    fn give(&self, outcome: Outcome) -> ExitCode {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if given.0 {
            return ExitCode::SUCCESS;
        }
        given.0 = true;
        let result = CompileResult {
            outcome: Some(outcome),
            trace: trace_of_environment(),
        };
        let written = frame::encode(&result)
            .map_err(io::Error::other)
            .and_then(|bytes| {
                let mut stdout = io::stdout().lock();
                stdout.write_all(&bytes)?;
                stdout.flush()
            });
        if written.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn failed(error: &dyn std::error::Error) -> Outcome {
    let cause = error
        .source()
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    Outcome::Failed(Failed {
        error: format!("{error}{cause}"),
    })
}
