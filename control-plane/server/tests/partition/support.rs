//! A driver over a store, and who talks to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use insula_kernel::input::{Call, Filters, LaunchTask, NamedOffer, Subscribe};
use insula_kernel::{Config, Input, Outcome};
use insula_server::partition::{Driver, Handle, Options, Session, Sessions, Unavailable};
use insula_store::{Retention, Store};
use insula_types::framework::{Capabilities, FrameworkInfo};
use insula_types::membership::Claim;
use insula_types::message::{Message, Peer, ToFramework};
use insula_types::{
    CellId, FrameworkId, FrameworkKey, PartitionId, RequestId, Resources, SessionId, Span, TaskId,
    TaskKind, TenantId, TraceContext,
};

pub(crate) const PARTITION: PartitionId = PartitionId(0);

/// Longer than anything here takes on the slowest machine; only a hang meets it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The cell of the tests that need but one.
pub(crate) fn cell() -> CellId {
    CellId::from("default")
}

pub(crate) async fn open(directory: &Path) -> Store {
    Store::open(directory, insula_store::Options::default())
        .await
        .unwrap()
}

/// What somebody says who takes the partition away.
pub(crate) fn claim() -> Claim {
    Claim {
        replica: "another".into(),
        ttl: Span::from_secs(5),
    }
}

/// Starts a driver that serves the cell.
pub(crate) async fn start(store: &Store) -> (Driver, Handle) {
    let driver = start_with(store, &[cell()]).await;
    let handle = driver.port().cell(&cell()).unwrap();
    (driver, handle)
}

/// Starts a driver that serves these cells.
pub(crate) async fn start_with(store: &Store, cells: &[CellId]) -> Driver {
    for cell in cells {
        store.add_cell(cell, Some(PARTITION)).await.unwrap();
    }
    let options = Options {
        partition: PARTITION,
        kernel: Config::default(),
        retention: Retention::default(),
        sessions: Sessions::default(),
        lease: None,
        network: None,
    };
    let mut driver = Driver::start(store.clone(), options).await.unwrap();
    driver.loaded().await.unwrap();
    driver
}

pub(crate) fn set_role(request: RequestId, role: &str) -> Input {
    Input::SetRole {
        request,
        role: role.to_owned(),
        weight: 2_000,
        limit: BTreeMap::new(),
    }
}

fn trace() -> TraceContext {
    TraceContext::start(1, 2, false)
}

pub(crate) async fn ask(handle: &Handle, role: &str) -> Result<Outcome, Unavailable> {
    tokio::time::timeout(
        DEADLINE,
        handle.ask(&trace(), |request| set_role(request, role)),
    )
    .await
    .expect("the driver answers or says that it does not")
}

/// Asks until the cell is served.
pub(crate) async fn ask_until_served(handle: &Handle, role: &str) {
    let served = async {
        while ask(handle, role).await != Ok(Outcome::Accepted) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, served).await.unwrap();
}

pub(crate) async fn roles(store: &Store, cell: &CellId) -> Vec<String> {
    let rows = store.load(cell).await.unwrap();
    rows.roles.into_iter().map(|role| role.path).collect()
}

/// A subscribed framework, named like its session.
pub(crate) struct Framework {
    handle: Handle,
    key: FrameworkKey,
    session: SessionId,
    pub(crate) messages: Session,
}

impl Framework {
    pub(crate) async fn subscribe(handle: &Handle, name: &str) -> Self {
        let key = FrameworkKey {
            tenant: TenantId::from("t"),
            framework: FrameworkId::from(name),
        };
        let session = SessionId::from(name);
        let peer = Peer::Framework {
            framework: key.clone(),
            session: session.clone(),
        };
        let messages = handle.sessions().open(peer);
        let trace = trace();
        let asked = handle.ask(&trace, |request| {
            Input::Subscribe(Box::new(Subscribe {
                request,
                tenant: key.tenant.clone(),
                framework: None,
                fresh: key.framework.clone(),
                session: session.clone(),
                info: info(name),
                suppressed: Vec::new(),
            }))
        });
        assert_eq!(asked.await, Ok(Outcome::Subscribed(key.framework.clone())));
        Self {
            handle: handle.clone(),
            key,
            session,
            messages,
        }
    }

    /// Launches tasks on an offer that there never was: each is answered with an update.
    pub(crate) async fn launch_in_vain(&self, handle: &Handle, tasks: u32) {
        let launches = (0..tasks).map(launch).collect();
        let trace = trace();
        let asked = handle.ask(&trace, |request| Input::Call {
            request,
            framework: self.key.clone(),
            session: self.session.clone(),
            call: Call::Accept {
                offers: vec![NamedOffer {
                    text: "none".to_owned(),
                    id: None,
                }],
                launches,
                filters: Filters { refuse: Span::ZERO },
            },
            trace: TraceContext::default(),
        });
        assert_eq!(asked.await, Ok(Outcome::Accepted));
    }

    pub(crate) async fn reconcile(&self, handle: &Handle, tasks: impl Iterator<Item = u32>) {
        assert_eq!(self.try_reconcile(handle, tasks).await, Outcome::Accepted);
    }

    pub(crate) async fn try_reconcile(
        &self,
        handle: &Handle,
        tasks: impl Iterator<Item = u32>,
    ) -> Outcome {
        let tasks = tasks
            .map(|number| (TaskId::from(number.to_string()), None))
            .collect();
        let trace = trace();
        let asked = handle.ask(&trace, |request| Input::Call {
            request,
            framework: self.key.clone(),
            session: self.session.clone(),
            call: Call::Reconcile(tasks),
            trace: TraceContext::default(),
        });
        asked.await.unwrap()
    }

    /// Waits for the next update of a task; nothing if the session ended. Says on the way how far it
    /// has read, without which the kernel tells no more.
    pub(crate) async fn update(&mut self) -> Option<TaskId> {
        loop {
            let delivered = tokio::time::timeout(DEADLINE, self.messages.next()).await;
            match delivered.unwrap()?.message {
                Message::ToFramework(ToFramework::Update(status)) => return Some(status.task),
                Message::ToFramework(ToFramework::Mark(mark)) => self.reached(mark).await,
                _ => {}
            }
        }
    }

    async fn reached(&self, mark: u64) {
        let reached = Input::MarkReached {
            framework: self.key.clone(),
            session: self.session.clone(),
            mark,
        };
        self.handle.submit(&trace(), reached).await.unwrap();
    }
}

fn launch(number: u32) -> LaunchTask {
    LaunchTask {
        task: TaskId::from(number.to_string()),
        name: String::new(),
        agent: "agent".into(),
        kind: TaskKind::Native,
        resources: Resources::default(),
        user: String::new(),
        executor: None,
        payload: Bytes::new(),
        invalid: None,
        trace: TraceContext::default(),
    }
}

fn info(name: &str) -> FrameworkInfo {
    FrameworkInfo {
        name: name.to_owned(),
        user: String::new(),
        roles: vec!["*".to_owned()],
        capabilities: Capabilities::default(),
        failover_timeout: Span::from_secs(60),
        checkpoint: false,
        principal: String::new(),
        hostname: String::new(),
        webui_url: String::new(),
        payload: Bytes::new(),
    }
}
