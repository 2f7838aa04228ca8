//! The executor process: runs the guests of one framework and keeps an agent informed.
//!
//! One thread talks with the agent and owns the table of tasks; guests run on threads of their own,
//! as many as there are processors, and take turns by time slices. The process outlives its agent:
//! while it has no connection it goes on running tasks and keeps what it could not report.

mod modules;
mod runner;
mod session;
mod tasks;
mod ticker;

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use insula_proto::insula::wasm::v1::Trace;
use tokio::sync::mpsc;

use crate::engine;
use crate::module::Linkers;
use crate::protocol::trace_of_environment;
use crate::sandbox::{ConfineError, Limits, confine};
use modules::Modules;
use runner::Runner;
use session::Session;
use ticker::Ticker;

/// How one executor process is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The agent's Unix socket, to which the executor connects, again and again if need be.
    pub socket: PathBuf,
    /// The framework whose tasks run here.
    pub framework_id: String,
    /// This executor's id in that framework.
    pub executor_id: String,
    /// What the agent gave this process to be recognized by. Not printed, not logged.
    pub token: Token,
    /// The trace that this process was started in; it says so in what is about no task.
    pub trace: Option<Trace>,
    /// The folder with artifacts; nothing is loaded from elsewhere.
    pub cache: PathBuf,
    /// Tasks that run at a time; others wait. Each reserves 4 GiB of address space and up to seven
    /// of the 65,530 memory mappings that Linux grants a process by default. 0: memory is
    /// allocated on demand, and `DEFAULT_SLOTS` tasks run at a time.
    pub slots: u32,
    /// Launches held at a time: waiting, running, or ended and not yet acknowledged. What comes
    /// beyond is refused. Bounds this process's own memory to about 30 KiB times this.
    pub launches_max: usize,
    /// Modules kept linked in memory; the least recently used one is dropped beyond.
    pub modules_max: usize,
    /// Time without an agent and without launches after which the process ends.
    pub linger: Duration,
}

/// A secret that formats as nothing.
#[derive(Clone)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Tasks that run at a time unless told otherwise: 4 TiB of address space, 7,000 mappings.
pub const DEFAULT_SLOTS: u32 = 1_024;

impl Options {
    /// Options with the usual bounds, the trace that the environment names, and no names yet.
    #[must_use]
    pub fn new(socket: PathBuf, cache: PathBuf, token: Token) -> Self {
        Self {
            socket,
            framework_id: String::new(),
            executor_id: String::new(),
            trace: trace_of_environment(),
            token,
            cache,
            slots: DEFAULT_SLOTS,
            launches_max: 20_000,
            modules_max: 64,
            linger: Duration::from_secs(60),
        }
    }
}

/// Why an executor could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process could not be confined.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// No threads or no event queue.
    #[error("cannot start the executor's threads")]
    Threads(#[source] std::io::Error),
    /// Wasmtime does not work on this machine.
    #[error("cannot start the WebAssembly engine: {0}")]
    Engine(String),
}

impl From<wasmtime::Error> for Error {
    fn from(error: wasmtime::Error) -> Self {
        Self::Engine(format!("{error:#}"))
    }
}

/// Runs an executor until its agent shuts it down, or until it has been without an agent and
/// without launches for `linger`. Call it first thing in a process of its own: it confines the
/// process for good, and closes every descriptor above stderr.
///
/// # Errors
/// When the executor cannot start. Later trouble with the agent's socket is not an error but a
/// reason to connect again.
pub fn run(options: Options) -> Result<(), Error> {
    confine(&Limits::default())?;
    serve(options)
}

/// `run` without confining the process, for programs that hold other things.
///
/// # Errors
/// As `run`.
pub fn serve(options: Options) -> Result<(), Error> {
    let engine_key = engine::key(&engine::for_compiler()?);
    let guests = guest_threads()?;
    // At most two reports per launch are on their way, and launches are bounded.
    let (reports, reported) = mpsc::unbounded_channel();
    let (engine, _) = engine::for_executor(options.slots)?;
    let ticker = Ticker::start(&engine).map_err(Error::Threads)?;
    let linkers = Linkers::new(&engine)?;
    let modules = Modules::new(engine, linkers, options.cache.clone(), options.modules_max);
    let slots = if options.slots == 0 {
        DEFAULT_SLOTS
    } else {
        options.slots
    };
    let runner = Runner::new(guests.handle().clone(), modules, slots, ticker, reports);
    let talk = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Threads)?;
    talk.block_on(Session::new(options, engine_key, runner, reported).run());
    // Guests that wait in a host call would keep the threads; nobody waits for them any more.
    guests.shutdown_background();
    Ok(())
}

fn guest_threads() -> Result<tokio::runtime::Runtime, Error> {
    /// Threads for guests' file operations, which may wait for a disk.
    const FILE_THREADS: usize = 64;
    /// Looks at timers and sockets after this many slices: 16 ms when guests use theirs up.
    const SLICES_PER_POLL: u32 = 8;
    let processors = thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors)
        .max_blocking_threads(FILE_THREADS)
        .event_interval(SLICES_PER_POLL)
        .thread_name("guest")
        .enable_all()
        .build()
        .map_err(Error::Threads)
}
