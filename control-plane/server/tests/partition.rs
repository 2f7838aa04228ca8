//! The driver of a partition, with the real kernel and a real store.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use insula_kernel::input::{Call, Subscribe};
use insula_kernel::{Config, Input, Outcome};
use insula_server::partition::{Driver, Handle, Options, Session, Unavailable};
use insula_store::{Retention, Store};
use insula_types::event::EventKind;
use insula_types::framework::{Capabilities, FrameworkInfo};
use insula_types::message::{Message, Peer, ToFramework};
use insula_types::{
    AgentId, CellId, FrameworkId, FrameworkKey, PartitionId, RequestId, SessionId, Span, TaskId,
    TenantId, TraceContext,
};

const PARTITION: PartitionId = PartitionId(0);

/// Longer than anything here takes on the slowest machine; only a hang meets it.
const DEADLINE: Duration = Duration::from_secs(60);

fn cell() -> CellId {
    CellId::from("default")
}

async fn open(directory: &Path) -> Store {
    Store::open(directory, insula_store::Options::default())
        .await
        .unwrap()
}

async fn start(store: &Store) -> Driver {
    let options = Options {
        partition: PARTITION,
        cell: cell(),
        kernel: Config::default(),
        retention: Retention::default(),
    };
    Driver::start(store.clone(), options).await.unwrap()
}

fn set_role(request: RequestId, role: &str) -> Input {
    Input::SetRole {
        request,
        role: role.to_owned(),
        weight: 2_000,
        limit: BTreeMap::new(),
    }
}

async fn ask(handle: &Handle, role: &str) -> Result<Outcome, Unavailable> {
    tokio::time::timeout(DEADLINE, handle.ask(|request| set_role(request, role)))
        .await
        .expect("the driver answers or says that it does not")
}

async fn roles(store: &Store) -> Vec<String> {
    let rows = store.load(&cell()).await.unwrap();
    rows.roles.into_iter().map(|role| role.path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_after_its_commit() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let driver = start(&store).await;
    let mut events = driver.handle().events();
    for number in 0..20 {
        let role = format!("t/{number:02}");
        assert_eq!(ask(driver.handle(), &role).await, Ok(Outcome::Accepted));
        assert!(roles(&store).await.contains(&role));
        let event = events.recv().await.unwrap();
        assert!(matches!(event.event.kind, EventKind::RoleChanged { .. }));
        let head = store.head(PARTITION).await.unwrap().unwrap();
        assert!(event.commit_no <= head.commit_no.0);
    }
    driver.stop(DEADLINE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_share_commits() {
    let store = Store::in_memory().await.unwrap();
    let driver = start(&store).await;
    let asked = (0..500).map(|number| {
        let handle = driver.handle().clone();
        tokio::spawn(async move { ask(&handle, &format!("t/{number:03}")).await })
    });
    for asked in asked.collect::<Vec<_>>() {
        assert_eq!(asked.await.unwrap(), Ok(Outcome::Accepted));
    }
    let commits = store.head(PARTITION).await.unwrap().unwrap().commit_no.0;
    assert!(commits < 500, "{commits} commits for 500 requests");
    assert_eq!(roles(&store).await.len(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let mut answered = Vec::new();
    for round in 0..5 {
        let store = open(directory.path()).await;
        let driver = start(&store).await;
        let first = format!("t/{round}-answered");
        assert_eq!(ask(driver.handle(), &first).await, Ok(Outcome::Accepted));
        answered.push(first);
        // Some of these may be committed, without an answer: nobody was told of them.
        for number in 0..50 {
            let input = set_role(RequestId(u64::MAX - number), &format!("t/{round}-{number}"));
            driver.handle().submit(input).await.unwrap();
        }
        drop(driver);
        store.close().await;
        let store = reopened(directory.path()).await;
        let kept = roles(&store).await;
        assert!(answered.iter().all(|role| kept.contains(role)), "{kept:?}");
        store.close().await;
    }
}

/// The thread of a driver that was dropped holds the store until its loop has turned once more.
async fn reopened(directory: &Path) -> Store {
    let opened = async {
        loop {
            match Store::open(directory, insula_store::Options::default()).await {
                Ok(store) => return store,
                Err(insula_store::Error::InUse { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(DEADLINE, opened).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_flushes_what_was_taken_in_and_refuses_what_comes_later() {
    let store = Store::in_memory().await.unwrap();
    let driver = start(&store).await;
    let handle = driver.handle().clone();
    let taken: Vec<_> = (0..100)
        .map(|number| {
            let handle = handle.clone();
            tokio::spawn(async move { ask(&handle, &format!("t/{number}")).await })
        })
        .collect();
    driver.stop(DEADLINE).await.unwrap();
    let mut accepted = 0;
    for outcome in taken {
        match outcome.await.unwrap() {
            Ok(outcome) => {
                assert_eq!(outcome, Outcome::Accepted);
                accepted += 1;
            }
            Err(unavailable) => assert_eq!(unavailable, Unavailable { uncertain: false }),
        }
    }
    assert_eq!(roles(&store).await.len(), accepted);
    let late = ask(&handle, "t/late").await;
    assert_eq!(late, Err(Unavailable { uncertain: false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_lost_its_partition_ends_every_session_and_takes_it_anew() {
    let store = Store::in_memory().await.unwrap();
    let driver = start(&store).await;
    let handle = driver.handle();
    ask(handle, "t/before").await.unwrap();
    let before = store.head(PARTITION).await.unwrap().unwrap().epoch;
    let peer = Peer::Agent {
        agent: AgentId::from("agent"),
        session: "session".into(),
    };
    let mut session = handle.sessions().open(peer);

    // Somebody else takes it: the next commit meets the fence.
    store.take(PARTITION).await.unwrap();
    let refused = ask(handle, "t/fenced").await;
    assert_eq!(refused, Err(Unavailable { uncertain: false }));
    assert!(session.next().await.is_none());

    let served_again = async {
        while ask(handle, "t/after").await != Ok(Outcome::Accepted) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, served_again).await.unwrap();
    assert_eq!(roles(&store).await, ["t/after", "t/before"]);
    assert!(store.head(PARTITION).await.unwrap().unwrap().epoch > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_panics_concerns_only_whoever_asked() {
    let store = Store::in_memory().await.unwrap();
    let driver = start(&store).await;
    let handle = driver.handle();
    let asked = handle.query(|_| panic!("a defect in a gateway, provoked by a test"));
    assert_eq!(asked.await, Err::<(), _>(Unavailable { uncertain: false }));
    let epoch = handle.query(insula_kernel::Kernel::epoch).await.unwrap();
    assert_eq!(epoch, store.head(PARTITION).await.unwrap().unwrap().epoch);
}

/// A subscribed framework, named like its session.
struct Framework {
    key: FrameworkKey,
    session: SessionId,
    messages: Session,
}

impl Framework {
    async fn subscribe(handle: &Handle, name: &str) -> Self {
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
        let asked = handle.ask(|request| {
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
            key,
            session,
            messages,
        }
    }

    async fn reconcile(&self, handle: &Handle, tasks: impl Iterator<Item = u32>) {
        assert_eq!(self.try_reconcile(handle, tasks).await, Outcome::Accepted);
    }

    async fn try_reconcile(&self, handle: &Handle, tasks: impl Iterator<Item = u32>) -> Outcome {
        let tasks = tasks
            .map(|number| (TaskId::from(number.to_string()), None))
            .collect();
        let asked = handle.ask(|request| Input::Call {
            request,
            framework: self.key.clone(),
            session: self.session.clone(),
            call: Call::Reconcile(tasks),
            trace: TraceContext::default(),
        });
        asked.await.unwrap()
    }

    /// Waits for the next update of a task; nothing if the session ended.
    async fn update(&mut self) -> Option<TaskId> {
        loop {
            let delivered = tokio::time::timeout(DEADLINE, self.messages.next()).await;
            let message = delivered.unwrap()?.message;
            if let Message::ToFramework(ToFramework::Update(status)) = message {
                return Some(status.task);
            }
        }
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

/// A few of these fill the queue of a session.
const AT_ONCE: u32 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_that_does_not_read_is_cut_and_stalls_nobody() {
    let store = Store::in_memory().await.unwrap();
    let driver = start(&store).await;
    let handle = driver.handle();
    let mut slow = Framework::subscribe(handle, "slow").await;
    let mut quick = Framework::subscribe(handle, "quick").await;

    // It asks for more and more and reads none of the answers; others are served all the while. What
    // may wait to be answered is bounded as well, so some of its calls are refused.
    let (mut number, mut asked) = (0, 0);
    while number < 100 || !slow.messages.was_cut() {
        if slow.try_reconcile(handle, 0..AT_ONCE).await == Outcome::Accepted {
            asked += AT_ONCE;
        }
        quick.reconcile(handle, number..=number).await;
        assert_eq!(quick.update().await, Some(TaskId::from(number.to_string())));
        number += 1;
    }
    let mut read = 0;
    while slow.update().await.is_some() {
        read += 1;
    }
    assert!(read > 0 && read < asked, "{read} answers, then the end");
    quick.reconcile(handle, 7..8).await;
    assert_eq!(quick.update().await, Some(TaskId::from("7")));
}
