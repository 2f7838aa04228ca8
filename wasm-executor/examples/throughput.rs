//! How many tiny tasks per second one executor runs: `throughput [TASKS] [IN_FLIGHT]`.
//!
//! The executor and its agent talk over their real socket in one process; the agent keeps a fixed
//! number of launches in flight and acknowledges every end. Printed are tasks per second, and the
//! medians and tails of how long tasks waited, were instantiated and ran.

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Instant;

use insula_proto::insula::wasm::v1::{
    Acknowledge, Calls, Event, Events, Launch, Shutdown, Subscribed, TaskState, Timings, Update,
    call, event,
};
use insula_wasm_executor::{compiler, executor};
use prost::Message as _;

const EMPTY: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<usize>());
    let tasks = arguments.next().transpose()?.unwrap_or(20_000).max(1);
    let in_flight = arguments.next().transpose()?.unwrap_or(256).clamp(1, 2_000);

    let folder = tempfile::tempdir()?;
    let artifact = compile(folder.path())?;
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket)?;
    let token = executor::Token(String::new());
    let options = executor::Options::new(socket, folder.path().join("cache"), token);
    let executor = std::thread::spawn(move || executor::serve(options));
    let (stream, _) = listener.accept()?;

    let mut agent = Agent {
        stream,
        folder: folder.path(),
        artifact,
        launched: 0,
    };
    agent.receive()?;
    agent.send(vec![event::Event::Subscribed(Subscribed {})])?;
    let start = Instant::now();
    let timings = agent.run(tasks, in_flight)?;
    let elapsed = start.elapsed().as_secs_f64();
    agent.send(vec![event::Event::Shutdown(Shutdown {})])?;
    executor.join().map_err(|_| "the executor panicked")??;
    report(&timings, elapsed)?;
    Ok(())
}

fn compile(folder: &Path) -> Result<String, Box<dyn Error>> {
    let (module, cache) = (folder.join("module.wasm"), folder.join("cache"));
    fs::create_dir(&cache)?;
    fs::write(&module, wat::parse_str(EMPTY)?)?;
    let compiled = compiler::compile(&compiler::Options::new(module, cache.clone()))?;
    Ok(cache.join(compiled.file).display().to_string())
}

struct Agent<'a> {
    stream: UnixStream,
    folder: &'a Path,
    artifact: String,
    launched: usize,
}

impl Agent<'_> {
    fn run(&mut self, tasks: usize, in_flight: usize) -> Result<Vec<Timings>, Box<dyn Error>> {
        let first = (0..in_flight.min(tasks))
            .map(|_| self.launch())
            .collect::<Result<_, _>>()?;
        self.send(first)?;
        let mut ended = Vec::with_capacity(tasks);
        while ended.len() < tasks {
            let mut events = Vec::new();
            for update in self.receive()? {
                if update.state() == TaskState::Running {
                    continue;
                }
                if update.state() != TaskState::Finished {
                    return Err(update.message.into());
                }
                events.push(event::Event::Acknowledge(Acknowledge {
                    launch_id: update.launch_id,
                }));
                ended.push(update.timings.unwrap_or_default());
                if self.launched < tasks {
                    events.push(self.launch()?);
                }
            }
            self.send(events)?;
        }
        Ok(ended)
    }

    /// Every task gets a sandbox of its own, as it does from a real agent.
    fn launch(&mut self) -> std::io::Result<event::Event> {
        self.launched += 1;
        let sandbox = self.folder.join(self.launched.to_string());
        fs::create_dir(&sandbox)?;
        Ok(event::Event::Launch(Launch {
            launch_id: format!("1-{}", self.launched),
            sandbox: sandbox.display().to_string(),
            artifact: self.artifact.clone(),
            name: "empty".to_owned(),
            memory_limit: 1 << 20,
            ..Launch::default()
        }))
    }

    fn send(&mut self, events: Vec<event::Event>) -> Result<(), Box<dyn Error>> {
        let events = events
            .into_iter()
            .map(|event| Event {
                event: Some(event),
                trace: None,
            })
            .collect();
        let message = Events { events }.encode_to_vec();
        self.stream
            .write_all(&u32::try_from(message.len())?.to_be_bytes())?;
        Ok(self.stream.write_all(&message)?)
    }

    fn receive(&mut self) -> Result<Vec<Update>, Box<dyn Error>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut message = vec![0; usize::try_from(u32::from_be_bytes(length))?];
        self.stream.read_exact(&mut message)?;
        let calls = Calls::decode(&message[..])?.calls;
        Ok(calls
            .into_iter()
            .filter_map(|call| match call.call {
                Some(call::Call::Update(update)) => Some(update),
                _ => None,
            })
            .collect())
    }
}

fn report(timings: &[Timings], seconds: f64) -> std::io::Result<()> {
    let tasks = timings.len();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{tasks} tasks in {seconds:.2} s: {:.0} tasks/s",
        tasks as f64 / seconds
    )?;
    let of = |column: fn(&Timings) -> u64| timings.iter().map(column).collect::<Vec<_>>();
    for (name, mut micros) in [
        ("queued", of(|timing| timing.queued)),
        ("instantiate", of(|timing| timing.instantiate)),
        ("run", of(|timing| timing.run)),
    ] {
        micros.sort_unstable();
        let (p50, p99) = (micros[tasks / 2], micros[tasks * 99 / 100]);
        writeln!(out, "{name:<12} p50 {p50:>6} us   p99 {p99:>6} us")?;
    }
    Ok(())
}
