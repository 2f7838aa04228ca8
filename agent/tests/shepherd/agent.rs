//! What a test needs of an agent.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use insula_agent::shepherd::{
    Client, Event, Exited, Kind, Limits, Options, Request, Run, StartSpec, Started, Stdin,
    TaskState, Welcome,
};
use insula_isolation::process::Identity;
use insula_types::TraceContext;

use crate::role;

/// Generous: nothing here takes a second on a machine that does nothing else.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// If a test fails, its shepherd and all its tasks go by themselves.
const DIE_WITH_AGENT_MS: u64 = 20_000;

/// What the tests' requests carry.
pub(crate) fn trace() -> TraceContext {
    TraceContext::start(7, 9, true)
}

pub(crate) struct Agent {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) options: Options,
    pub(crate) client: Client,
}

impl Agent {
    /// With control groups where the machine has them; the memory hierarchy of v1 is touched only where
    /// `INSULA_TEST_MEMORY_V1` names a directory of it.
    pub(crate) fn new(test: &str) -> Agent {
        Agent::with(test, |_| {})
    }

    /// Without control groups.
    pub(crate) fn bare(test: &str) -> Agent {
        Agent::with(test, |options| options.cgroup_parent = None)
    }

    pub(crate) fn with(test: &str, change: impl FnOnce(&mut Options)) -> Agent {
        let dir = tempfile::tempdir().unwrap();
        let parent = format!("insula-test/{test}-{}", std::process::id());
        let mut options = Options::new(dir.path().join("shepherd"), Some(parent));
        options.die_with_agent_ms = Some(DIE_WITH_AGENT_MS);
        options.memory_delegated = env::var_os("INSULA_TEST_MEMORY_V1").map(PathBuf::from);
        change(&mut options);
        let client = Client::new(role::program(), options.clone(), trace());
        Agent {
            dir,
            options,
            client,
        }
    }

    /// Gives up the connection, as an agent does that is killed.
    pub(crate) fn disconnect(&mut self) {
        self.client = Client::new(role::program(), self.options.clone(), trace());
    }

    /// A shell task with its sandbox.
    pub(crate) fn shell(&self, id: &str, script: &str) -> StartSpec {
        let cwd = self.sandbox(id);
        fs::create_dir_all(&cwd).unwrap();
        StartSpec {
            id: id.to_owned(),
            kind: Kind::Task,
            run: Run::Shell(script.to_owned()),
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            stdin: Stdin::Null,
            stdout: cwd.join("stdout"),
            stderr: cwd.join("stderr"),
            cwd,
            limits: Limits::default(),
            user: None,
            cgroup: id.parse().unwrap(),
            trace: trace(),
        }
    }

    pub(crate) fn sandbox(&self, id: &str) -> PathBuf {
        self.dir.path().join("sandboxes").join(id)
    }

    pub(crate) async fn event(&mut self) -> Event {
        tokio::time::timeout(DEADLINE, self.client.next())
            .await
            .expect("an event")
            .unwrap()
    }

    /// The first event of a connection.
    pub(crate) async fn welcome(&mut self) -> Welcome {
        match self.event().await {
            Event::Welcome(welcome) => welcome,
            other => panic!("{other:?} came before the welcome"),
        }
    }

    pub(crate) async fn state(&mut self) -> TaskState {
        match self.event().await {
            Event::Task(state) => state,
            other => panic!("{other:?} is no state"),
        }
    }

    pub(crate) async fn start(&mut self, spec: StartSpec) -> Started {
        self.send(Request::Start(Box::new(spec)));
        match self.state().await {
            TaskState::Started(started) => started,
            other => panic!("{other:?} came instead of a start"),
        }
    }

    pub(crate) async fn end(&mut self, id: &str) -> Exited {
        match self.state().await {
            TaskState::Exited(exited) if exited.id == id => exited,
            other => panic!("{other:?} came instead of the end of {id}"),
        }
    }

    pub(crate) fn send(&mut self, request: Request) {
        self.client.send(&request).unwrap();
    }

    pub(crate) fn kill(&mut self, id: &str, grace_ms: u64) {
        self.send(Request::Kill {
            id: id.to_owned(),
            grace_ms,
            trace: trace(),
        });
    }

    /// Ends the shepherd and sees that nothing is left of it.
    pub(crate) async fn shut_down(mut self, shepherd: &Identity) {
        self.client.send_leave().unwrap();
        until("the shepherd is gone", || !is_alive(shepherd));
        assert!(!self.options.dir.join("shepherd.sock").exists());
        assert_eq!(self.groups(), Vec::<PathBuf>::new());
    }

    /// Directories of the parent group, in whatever hierarchy.
    pub(crate) fn groups(&self) -> Vec<PathBuf> {
        let Some(parent) = &self.options.cgroup_parent else {
            return Vec::new();
        };
        let Ok(entries) = fs::read_dir("/sys/fs/cgroup") else {
            return Vec::new();
        };
        let hierarchies = entries.filter_map(Result::ok).map(|entry| entry.path());
        let all = hierarchies
            .chain([PathBuf::from("/sys/fs/cgroup")])
            .map(|dir| dir.join(parent));
        all.filter(|dir| dir.exists()).collect()
    }
}

/// Waits for what another process does.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

pub(crate) fn is_alive(process: &Identity) -> bool {
    process.is_alive().unwrap()
}

/// Waits until a script has written the ids of `count` processes to a file.
pub(crate) fn processes_in(path: &Path, count: usize) -> Vec<Identity> {
    let mut found = Vec::new();
    until("the script writes its process ids", || {
        let text = fs::read_to_string(path).unwrap_or_default();
        let pids = text.lines().filter_map(|line| line.parse().ok());
        found = pids.filter_map(|pid| Identity::of(pid).unwrap()).collect();
        found.len() == count
    });
    found
}
