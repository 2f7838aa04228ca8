//! An agent for tests: it compiles modules, starts an executor, launches tasks and reads updates.
// Each test program uses a part of it.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use insula_proto::insula::wasm::v1::{
    Acknowledge, Call, Calls, Compiled, Event, Events, Kill, Launch, Shutdown, Subscribe,
    Subscribed, TaskState, Trace, Update, call, event,
};
use insula_wasm_executor::{compiler, executor};
use prost::Message as _;
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// What every event of these agents carries.
pub fn trace() -> Trace {
    Trace {
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        tracestate: "insula=p:00f067aa0ba902b8".to_owned(),
    }
}

/// A folder, a cache, and an agent's socket in it.
pub struct Agent {
    folder: TempDir,
    listener: UnixListener,
    stream: Option<UnixStream>,
    /// Updates that were received and not looked at.
    updates: VecDeque<Update>,
    launches: u32,
}

impl Agent {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cache")).unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        Self {
            folder,
            listener,
            stream: None,
            updates: VecDeque::new(),
            launches: 0,
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn options(&self) -> executor::Options {
        let token = executor::Token("secret".to_owned());
        executor::Options {
            slots: 16,
            linger: Duration::from_millis(50),
            trace: Some(trace()),
            framework_id: "framework".to_owned(),
            executor_id: "executor".to_owned(),
            ..executor::Options::new(self.path().join("socket"), self.path().join("cache"), token)
        }
    }

    /// An agent with an executor that has subscribed.
    pub fn with_executor() -> (Self, JoinHandle<Result<(), executor::Error>>) {
        let mut agent = Self::new();
        let options = agent.options();
        let executor = std::thread::spawn(move || executor::serve(options));
        let subscribe = agent.accept();
        assert_eq!(subscribe.token, "secret");
        assert_eq!(subscribe.tasks, []);
        (agent, executor)
    }

    /// Takes the executor's next connection.
    pub fn accept(&mut self) -> Subscribe {
        self.updates.clear();
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        self.stream = Some(stream);
        let call::Call::Subscribe(subscribe) = self.receive().remove(0).call.unwrap() else {
            panic!("the first call is not Subscribe");
        };
        self.send(vec![event::Event::Subscribed(Subscribed {})]);
        subscribe
    }

    /// Goes away, as an agent that restarts does.
    pub fn disconnect(&mut self) {
        self.stream = None;
    }

    pub fn send(&mut self, events: Vec<event::Event>) {
        let events = events
            .into_iter()
            .map(|event| Event {
                event: Some(event),
                trace: Some(trace()),
            })
            .collect();
        let message = Events { events }.encode_to_vec();
        let stream = self.stream.as_mut().unwrap();
        stream
            .write_all(&u32::try_from(message.len()).unwrap().to_be_bytes())
            .unwrap();
        stream.write_all(&message).unwrap();
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn receive(&mut self) -> Vec<Call> {
        let stream = self.stream.as_mut().unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut message = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut message).unwrap();
        let calls = Calls::decode(&message[..]).unwrap().calls;
        for call in &calls {
            assert_eq!(call.trace, Some(trace()), "{call:?} has another trace");
        }
        calls
    }

    /// The next update, in the order they came.
    pub fn update(&mut self) -> Update {
        while self.updates.is_empty() {
            for call in self.receive() {
                match call.call.unwrap() {
                    call::Call::Update(update) => self.updates.push_back(update),
                    call::Call::Subscribe(_) => panic!("a second Subscribe on one connection"),
                }
            }
        }
        self.updates.pop_front().unwrap()
    }

    /// The update that says how the launch ended; those of other launches are dropped.
    pub fn end(&mut self, launch_id: &str) -> Update {
        loop {
            let update = self.update();
            if update.launch_id == launch_id && is_terminal(update.state()) {
                return update;
            }
        }
    }

    /// Waits until the launch is reported as running.
    pub fn wait_running(&mut self, launch_id: &str) {
        loop {
            let update = self.update();
            if update.launch_id == launch_id {
                assert_eq!(update.state(), TaskState::Running, "{update:?}");
                return;
            }
        }
    }

    /// Compiles WebAssembly, as text or binary, into the cache.
    pub fn compile(&self, source: &[u8]) -> Result<Compiled, compiler::Error> {
        let module = self.path().join("module.wasm");
        fs::write(&module, wat::parse_bytes(source).unwrap()).unwrap();
        compiler::compile(&compiler::Options::new(module, self.path().join("cache")))
    }

    /// A launch of the module with an id, a sandbox and 16 MiB of its own.
    pub fn launch(&mut self, source: &[u8]) -> Launch {
        let artifact = self.compile(source).unwrap().file;
        self.launches += 1;
        let launch_id = format!("1-{}", self.launches);
        let sandbox = self.sandbox(&launch_id);
        fs::create_dir(&sandbox).unwrap();
        Launch {
            task_id: format!("task-{launch_id}"),
            sandbox: text(&sandbox),
            artifact: text(&self.path().join("cache").join(artifact)),
            name: "guest".to_owned(),
            memory_limit: 16 << 20,
            launch_id,
            ..Launch::default()
        }
    }

    pub fn start(&mut self, launch: &Launch) {
        self.send(vec![event::Event::Launch(launch.clone())]);
    }

    pub fn kill(&mut self, launch_id: &str) {
        self.send(vec![event::Event::Kill(Kill {
            launch_id: launch_id.to_owned(),
        })]);
    }

    pub fn acknowledge(&mut self, launch_id: &str) {
        let launch_id = launch_id.to_owned();
        self.send(vec![event::Event::Acknowledge(Acknowledge { launch_id })]);
    }

    pub fn shutdown(&mut self) {
        self.send(vec![event::Event::Shutdown(Shutdown {})]);
    }

    /// Starts the launch and waits for its end.
    pub fn run(&mut self, launch: &Launch) -> Update {
        self.start(launch);
        self.end(&launch.launch_id)
    }

    /// Compiles and runs a module that needs nothing special.
    pub fn run_module(&mut self, source: &str) -> Update {
        let launch = self.launch(source.as_bytes());
        self.run(&launch)
    }

    pub fn sandbox(&self, launch_id: &str) -> PathBuf {
        self.path().join(launch_id)
    }

    pub fn output(&self, launch_id: &str, stream: &str) -> String {
        fs::read_to_string(self.sandbox(launch_id).join(stream)).unwrap()
    }
}

pub fn is_terminal(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Finished | TaskState::Failed | TaskState::Killed
    )
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
