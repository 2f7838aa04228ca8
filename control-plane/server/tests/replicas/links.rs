//! Another replica's gateway and the owner of a partition.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use insula_kernel::input::Subscribe;
use insula_kernel::{Input, Outcome};
use insula_server::partition::Handle;
use insula_server::replica::Owner;
use insula_types::framework::{Capabilities, FrameworkInfo};
use insula_types::message::{Message, Peer, ToFramework};
use insula_types::{CellId, Epoch, PartitionId, RequestId, Span, Time};

use crate::gateway::{Gateway, Link, ToGateway};
use crate::site::{DEADLINE, LONG, Member, Site, roles};

const PARTITION: PartitionId = PartitionId(0);

fn cell() -> CellId {
    CellId::from("default")
}

/// An owner of the cell, and a gateway in another replica, with a link between them.
struct Pair {
    owner: Member,
    handle: Handle,
    gateway: Gateway,
    link: Link,
    epoch: Epoch,
}

impl Pair {
    async fn new(site: &Site) -> Self {
        let owner = site.replica().await;
        owner.serves(1).await;
        owner.store.add_cell(&cell(), None).await.unwrap();
        let handle = owner.handle(&cell()).await;
        crate::site::set_role(&handle, "t/ready").await;
        let Owner::Here(port) = owner.owners.of(PARTITION) else {
            panic!("the owner does not serve");
        };
        let mut gateway = Gateway::new(site.broker().await, "gateway".into());
        let epoch = port.epoch();
        let link = gateway.open(1, PARTITION, epoch);
        let ToGateway::Welcome { marks } = gateway.next(&link).await else {
            panic!("the owner says something before its welcome");
        };
        assert_eq!(marks, [], "the gateway had no link before");
        Self {
            owner,
            handle,
            gateway,
            link,
            epoch,
        }
    }

    async fn subscribe(&mut self) {
        self.link.ask(&cell(), 7, subscribe());
        let said = self.gateway.next_said(&self.link).await;
        let ToGateway::Reply { request, outcome } = said else {
            panic!("{said:?} came before the reply");
        };
        assert_eq!(request, RequestId(7), "the gateway's own number");
        assert_eq!(outcome, Outcome::Subscribed("f".into()));
        let said = self.gateway.next_said(&self.link).await;
        let ToGateway::Message { peer, message } = said else {
            panic!("{said:?} came instead");
        };
        let Message::ToFramework(ToFramework::Subscribed { framework }) = message else {
            panic!("{message:?} came instead");
        };
        assert_eq!(framework, "f".into());
        assert!(matches!(peer, Peer::Framework { session, .. } if session == "stream".into()));
    }

    /// When the framework is removed if it does not come back; nothing while it is connected.
    async fn deadline(&self) -> Option<Time> {
        let deadline = |kernel: &insula_kernel::Kernel| {
            let mut all = kernel.frameworks_view();
            all.find_map(|framework| framework.deadline)
        };
        self.handle.query(deadline).await.unwrap()
    }
}

fn set_role(role: &str) -> Input {
    Input::SetRole {
        request: RequestId(1),
        role: role.to_owned(),
        weight: 2_000,
        limit: BTreeMap::new(),
    }
}

fn subscribe() -> Input {
    Input::Subscribe(Box::new(Subscribe {
        request: RequestId(1),
        tenant: "t".into(),
        framework: None,
        fresh: "f".into(),
        session: "stream".into(),
        info: FrameworkInfo {
            name: "f".to_owned(),
            user: String::new(),
            roles: vec!["*".to_owned()],
            capabilities: Capabilities::default(),
            failover_timeout: Span::ZERO,
            checkpoint: false,
            principal: String::new(),
            hostname: String::new(),
            webui_url: String::new(),
            payload: Bytes::new(),
        },
        suppressed: Vec::new(),
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_by_a_link_is_answered_and_the_next_link_learns_how_far_the_last_had_come() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let mut pair = Pair::new(&site).await;
    for number in 0..10 {
        pair.link
            .ask(&cell(), number, set_role(&format!("t/{number}")));
    }
    for number in 0..10 {
        let said = pair.gateway.next_said(&pair.link).await;
        let ToGateway::Reply { request, outcome } = said else {
            panic!("{said:?} came instead of a reply");
        };
        assert_eq!((request, outcome), (RequestId(number), Outcome::Accepted));
    }
    pair.gateway.applied(&pair.link).await;
    assert_eq!(roles(&pair.owner.store, &cell()).await.len(), 11);

    let next = pair.gateway.open(2, PARTITION, pair.epoch);
    let said = pair.gateway.next(&next).await;
    let ToGateway::Welcome { marks } = said else {
        panic!("{said:?} came before the welcome");
    };
    assert_eq!(marks, [(pair.link.id.clone(), 11)], "ten after the hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_is_not_there_is_refused_and_holds_nothing_up() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let mut pair = Pair::new(&site).await;
    pair.link.ask(&"nowhere".into(), 1, set_role("t/a"));
    pair.link.ask(&cell(), 2, set_role("t/b"));
    let said = pair.gateway.next_said(&pair.link).await;
    let ToGateway::Unavailable { request, uncertain } = said else {
        panic!("{said:?} came instead of a refusal");
    };
    assert_eq!((request, uncertain), (RequestId(1), false));
    pair.gateway.applied(&pair.link).await;
    assert!(
        roles(&pair.owner.store, &cell())
            .await
            .contains(&"t/b".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_whose_gateway_falls_silent_has_its_grace_to_come_back() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let mut pair = Pair::new(&site).await;
    pair.subscribe().await;
    assert_eq!(pair.deadline().await, None);
    drop(pair.link);
    let waits = async {
        loop {
            let deadline = |kernel: &insula_kernel::Kernel| {
                let mut all = kernel.frameworks_view();
                all.find_map(|framework| framework.deadline)
            };
            if pair.handle.query(deadline).await.unwrap().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Its failover timeout is zero: had it closed the stream itself, it would be gone.
    tokio::time::timeout(DEADLINE, waits).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_that_closes_its_stream_itself_has_only_its_own_timeout() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let mut pair = Pair::new(&site).await;
    pair.subscribe().await;
    let disconnected = Input::FrameworkDisconnected {
        framework: insula_types::FrameworkKey {
            tenant: "t".into(),
            framework: "f".into(),
        },
        session: "stream".into(),
        cause: insula_kernel::input::Cause::ByPeer,
    };
    pair.link.tell(&cell(), disconnected);
    pair.gateway.applied(&pair.link).await;
    let there = |kernel: &insula_kernel::Kernel| kernel.frameworks_view().count();
    assert_eq!(pair.handle.query(there).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_drains_ends_its_links_by_word_and_one_that_crashes_by_silence() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let mut pair = Pair::new(&site).await;
    pair.owner.replica.drain().await.unwrap();
    let said = pair.gateway.next_said(&pair.link).await;
    assert!(matches!(said, ToGateway::Reset), "{said:?}");

    let other = site.replica().await;
    other.serves(1).await;
    let Owner::Here(port) = other.owners.of(PARTITION) else {
        panic!("the owner does not serve");
    };
    let link = pair.gateway.open(2, PARTITION, port.epoch());
    let said = pair.gateway.next(&link).await;
    assert!(matches!(said, ToGateway::Welcome { .. }), "{said:?}");
    drop((other, port));
    pair.gateway.silence(&link).await;
}
