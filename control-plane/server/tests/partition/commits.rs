//! One cell: commits, answers, crashes and stops.

use std::path::Path;

use insula_kernel::Outcome;
use insula_server::partition::Unavailable;
use insula_store::Store;
use insula_types::event::EventKind;
use insula_types::message::{Message, Peer, ToAgent};
use insula_types::{AgentId, RequestId, TaskId};

use crate::support::{
    DEADLINE, Framework, PARTITION, ask, ask_until_served, cell, claim, open, roles, set_role,
    start,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_after_its_commit() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let (driver, handle) = start(&store).await;
    let mut events = handle.events();
    for number in 0..20 {
        let role = format!("t/{number:02}");
        assert_eq!(ask(&handle, &role).await, Ok(Outcome::Accepted));
        assert!(roles(&store, &cell()).await.contains(&role));
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
    let (_driver, handle) = start(&store).await;
    let asked = (0..500).map(|number| {
        let handle = handle.clone();
        tokio::spawn(async move { ask(&handle, &format!("t/{number:03}")).await })
    });
    for asked in asked.collect::<Vec<_>>() {
        assert_eq!(asked.await.unwrap(), Ok(Outcome::Accepted));
    }
    let commits = store.head(PARTITION).await.unwrap().unwrap().commit_no.0;
    assert!(commits < 500, "{commits} commits for 500 requests");
    assert_eq!(roles(&store, &cell()).await.len(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let mut answered = Vec::new();
    for round in 0..5 {
        let store = open(directory.path()).await;
        let (driver, handle) = start(&store).await;
        let first = format!("t/{round}-answered");
        assert_eq!(ask(&handle, &first).await, Ok(Outcome::Accepted));
        answered.push(first);
        // Some of these may be committed, without an answer: nobody was told of them.
        for number in 0..50 {
            let input = set_role(RequestId(u64::MAX - number), &format!("t/{round}-{number}"));
            handle
                .submit(&insula_telemetry::fresh(), input)
                .await
                .unwrap();
        }
        drop(driver);
        store.close().await;
        let store = reopened(directory.path()).await;
        let kept = roles(&store, &cell()).await;
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
    let (driver, handle) = start(&store).await;

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
            Err(unavailable) => assert_eq!(unavailable, Unavailable::default()),
        }
    }
    assert_eq!(roles(&store, &cell()).await.len(), accepted);
    let late = ask(&handle, "t/late").await;
    assert_eq!(late, Err(Unavailable::default()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_lost_its_partition_ends_every_session_and_takes_it_anew() {
    let store = Store::in_memory().await.unwrap();
    let (_driver, handle) = start(&store).await;
    ask(&handle, "t/before").await.unwrap();
    let before = store.head(PARTITION).await.unwrap().unwrap().epoch;
    let mut framework = Framework::subscribe(&handle, "framework").await;
    let mut agent = handle.sessions().open(Peer::Agent {
        agent: AgentId::from("agent"),
        session: "session".into(),
    });

    // Somebody else takes it: the next commit meets the fence.
    store.take(PARTITION, &claim()).await.unwrap();
    let refused = ask(&handle, "t/fenced").await;
    assert_eq!(refused, Err(Unavailable::default()));
    assert_eq!(framework.update().await, None);
    let heard = agent.next().await.unwrap().message;
    assert_eq!(heard, Message::ToAgent(ToAgent::Resync));

    ask_until_served(&handle, "t/after").await;
    assert_eq!(roles(&store, &cell()).await, ["t/after", "t/before"]);
    assert!(store.head(PARTITION).await.unwrap().unwrap().epoch > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_panics_concerns_only_whoever_asked() {
    let store = Store::in_memory().await.unwrap();
    let (_driver, handle) = start(&store).await;
    let asked = handle.query(|_| panic!("a defect in a gateway, provoked by a test"));
    assert_eq!(asked.await, Err::<(), _>(Unavailable::default()));
    let epoch = handle.query(insula_kernel::Kernel::epoch).await.unwrap();
    assert_eq!(epoch, store.head(PARTITION).await.unwrap().unwrap().epoch);
}

/// A few of these fill the queue of a session.
const AT_ONCE: u32 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_that_does_not_read_is_cut_and_stalls_nobody() {
    let store = Store::in_memory().await.unwrap();
    let (_driver, handle) = start(&store).await;
    let handle = &handle;
    let mut slow = Framework::subscribe(handle, "slow").await;
    let mut quick = Framework::subscribe(handle, "quick").await;

    // It has more and more to be told and reads none of it; others are served all the while.
    let mut told = 0;
    while !slow.messages.was_cut() {
        slow.launch_in_vain(handle, AT_ONCE).await;
        told += AT_ONCE;
        quick.reconcile(handle, told..=told).await;
        assert_eq!(quick.update().await, Some(TaskId::from(told.to_string())));
    }
    let mut read = 0;
    while slow.update().await.is_some() {
        read += 1;
    }
    assert!(read > 0 && read < told, "{read} updates, then the end");
    quick.reconcile(handle, 7..8).await;
    assert_eq!(quick.update().await, Some(TaskId::from("7")));
}
