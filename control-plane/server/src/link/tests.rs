//! Stories of a gateway's links, over the broker in process, with owners played by the test.

#![allow(clippy::unwrap_used)]
use std::sync::Arc;
use std::time::Duration;

use insula_broker::{
    Beats, Broker, Envelope, InProcess, Options, Reader, Received, Stream, Writer,
};
use insula_kernel::{Input, Outcome};
use insula_types::membership::{LeaseRow, Membership, ReplicaRow, ReplicaState};
use insula_types::message::{FromAgent, Message, Peer, ToAgent, Watermark};
use insula_types::{
    CellId, Epoch, FrameworkKey, LinkId, PartitionId, ReplicaId, RequestId, Time, TraceContext,
};
use tokio::time::timeout;

use super::Links;
use super::wire::{ToGateway, ToOwner};
use crate::partition::{Session, Sessions, Unavailable};
use crate::replica::Owners;

const DEADLINE: Duration = Duration::from_secs(30);
const PARTITION: PartitionId = PartitionId(3);

/// One gateway's replica and the data set that it shares with owners.
struct Site {
    data: InProcess,
    options: Options,
    owners: Owners,
    sessions: Sessions,
    links: Links,
}

/// The owner of the partition in one epoch, as the gateway meets it.
struct Played {
    broker: Broker,
    epoch: Epoch,
    reader: Reader,
}

impl Site {
    async fn new() -> Self {
        Self::with_silence(Duration::from_mins(1)).await
    }

    async fn with_silence(silence: Duration) -> Self {
        let options = Options {
            beat: Duration::from_millis(20),
            silence,
            ..Options::default()
        };
        let data = InProcess::new(&options);
        let broker = Broker::in_process(&data, options.clone()).await.unwrap();
        let owners = Owners::new("me".into(), 64, Arc::default());
        let sessions = Sessions::default();
        let links = Links::new(broker, owners.clone(), sessions.clone());
        Self {
            data,
            options,
            owners,
            sessions,
            links,
        }
    }

    /// Another replica takes the partition.
    async fn owner(&self, replica: &str, epoch: Epoch) -> Played {
        let broker = Broker::in_process(&self.data, self.options.clone()).await;
        let broker = broker.unwrap();
        let reader = broker.reader(Stream::In {
            partition: PARTITION,
            epoch,
        });
        self.owners.update(Arc::new(owned_by(replica, epoch)));
        Played {
            broker,
            epoch,
            reader,
        }
    }

    fn ask(&self, epoch: Epoch) -> tokio::task::JoinHandle<Result<Outcome, Unavailable>> {
        let link = self.links.to(PARTITION, epoch, &"owner".into());
        tokio::spawn(async move { link.ask(&cell(), &trace(), withdraw).await })
    }

    /// Has an agent speak, which must reach the owner.
    fn agent_speaks(&self, epoch: Epoch) -> tokio::task::JoinHandle<Result<(), Unavailable>> {
        let link = self.links.to(PARTITION, epoch, &"owner".into());
        tokio::spawn(async move { link.submit(&cell(), &trace(), alive()).await })
    }
}

impl Played {
    /// The next word of the gateway, and on which link under which number.
    async fn hears(&mut self) -> (LinkId, u64, ToOwner) {
        loop {
            match timeout(DEADLINE, self.reader.next())
                .await
                .unwrap()
                .unwrap()
            {
                Received::Message {
                    link,
                    seq,
                    position,
                    envelope,
                    ..
                } => {
                    self.reader.applied(position);
                    assert_eq!(envelope.epoch, self.epoch);
                    let said = ToOwner::decode(&envelope.payload).unwrap();
                    return (link, seq, said);
                }
                Received::Beat { .. } | Received::Lost { .. } => {}
                Received::Broken { link, why } => panic!("{link} broke: {why}"),
            }
        }
    }

    /// Waits for a new link and welcomes it.
    async fn welcomes(&mut self, marks: Vec<(LinkId, u64)>) -> Writer {
        let (link, seq, said) = self.hears().await;
        assert_eq!((seq, said), (1, ToOwner::Hello));
        let stream = Stream::Out("me".into());
        let mut writer = self.broker.writer(stream, link, Beats::WhenTold);
        self.says(&mut writer, &ToGateway::Welcome { marks });
        writer
    }

    fn says(&self, writer: &mut Writer, what: &ToGateway) {
        let payload = what.encode().unwrap();
        let envelope = Envelope::new(Some(cell()), self.epoch, trace(), payload);
        writer.send(envelope).unwrap();
    }

    /// Waits for an ask.
    async fn asked(&mut self) -> RequestId {
        let (_, _, said) = self.hears().await;
        let ToOwner::Input {
            request: Some(request),
            input: Input::Withdraw { .. },
        } = said
        else {
            panic!("an ask was expected, and {said:?} came");
        };
        request
    }
}

fn owned_by(replica: &str, epoch: Epoch) -> Membership {
    let replica = ReplicaId::from(replica);
    Membership {
        partitions: 64,
        replicas: vec![ReplicaRow {
            replica: replica.clone(),
            advertise: "host:1".into(),
            version: "1".into(),
            state: ReplicaState::Ready,
            started_at: Time(1),
            seen_at: Time(1),
            live: true,
        }],
        leases: vec![LeaseRow {
            partition: PARTITION,
            epoch,
            replica: Some(replica),
            expires_at: Time(2),
            live: true,
        }],
        ..Membership::default()
    }
}

fn cell() -> CellId {
    "cell".into()
}

fn withdraw(request: RequestId) -> Input {
    Input::Withdraw {
        request,
        tenant: "t".into(),
        task: "task".into(),
        grace: None,
    }
}

fn trace() -> TraceContext {
    TraceContext::start(1, 2, false)
}

fn alive() -> Input {
    let message = FromAgent::Alive {
        watermark: Watermark::default(),
        clock: Time(1),
    };
    Input::Agent {
        agent: "agent".into(),
        session: "session".into(),
        message,
    }
}

fn agent() -> Peer {
    Peer::Agent {
        agent: "agent".into(),
        session: "session".into(),
    }
}

fn framework() -> Peer {
    Peer::Framework {
        framework: FrameworkKey {
            tenant: "t".into(),
            framework: "f".into(),
        },
        session: "session".into(),
    }
}

/// The next message of a session, with its epoch; nothing once it is over.
async fn told(session: &mut Session) -> Option<(Epoch, Message)> {
    let delivered = timeout(DEADLINE, session.next()).await.unwrap()?;
    Some((delivered.epoch, delivered.message))
}

fn resync() -> Message {
    Message::ToAgent(ToAgent::Resync)
}

fn disconnect() -> Message {
    Message::ToAgent(ToAgent::Disconnect {
        reason: "enough".into(),
    })
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(DEADLINE, waiting).await.is_ok(), "{what}");
}

#[tokio::test]
async fn an_ask_is_answered_and_messages_find_their_sessions() {
    let site = Site::new().await;
    let mut owner = site.owner("owner", Epoch(7)).await;
    let mut session = site.sessions.open(&cell(), agent());
    let asking = site.ask(Epoch(7));
    let mut link = owner.welcomes(Vec::new()).await;
    let request = owner.asked().await;
    let outcome = Outcome::Accepted;
    owner.says(&mut link, &ToGateway::Reply { request, outcome });
    assert_eq!(asking.await.unwrap(), Ok(Outcome::Accepted));

    let (peer, message) = (agent(), disconnect());
    owner.says(&mut link, &ToGateway::Message { peer, message });
    assert_eq!(told(&mut session).await, Some((Epoch(7), disconnect())));
    owner.says(&mut link, &ToGateway::Close { peer: agent() });
    assert_eq!(told(&mut session).await, None);
    assert_eq!(site.links.pending(), 0);

    let asking = site.ask(Epoch(7));
    let request = owner.asked().await;
    let quarantined = ToGateway::Unavailable {
        request,
        uncertain: false,
        reason: Some("the cell is quarantined".into()),
    };
    owner.says(&mut link, &quarantined);
    let refused = asking.await.unwrap().unwrap_err();
    assert_eq!(refused.reason.as_deref(), Some("the cell is quarantined"));
    assert_eq!(site.links.len(), 1, "it was one link all the time");
}

#[tokio::test]
async fn nothing_is_entrusted_to_an_owner_that_does_not_answer() {
    let site = Site::new().await;
    let mut owner = site.owner("owner", Epoch(7)).await;
    let asked = site.ask(Epoch(7)).await.unwrap();
    assert_eq!(asked, Err(Unavailable::default()));
    let (_, _, said) = owner.hears().await;
    assert_eq!(said, ToOwner::Hello);
    assert_eq!(
        site.data.entries(&Stream::Out("me".into())),
        0,
        "nobody answered"
    );
}

#[tokio::test]
async fn the_next_owner_settles_asks_and_agents_register_with_it_unasked() {
    let site = Site::new().await;
    let mut first = site.owner("owner", Epoch(7)).await;
    let mut framework = site.sessions.open(&cell(), framework());
    let mut agent = site.sessions.open(&cell(), agent());
    let applied = site.ask(Epoch(7));
    let link = first.welcomes(Vec::new()).await;
    first.asked().await;
    let lost = site.ask(Epoch(7));
    first.asked().await;

    let mut next = site.owner("next", Epoch(8)).await;
    assert_eq!(told(&mut framework).await, None, "it subscribes again");
    let of_first = vec![(link.link().clone(), 2)];
    let mut new_link = next.welcomes(of_first).await;
    assert_eq!(applied.await.unwrap(), Err(Unavailable::uncertain()));
    assert_eq!(lost.await.unwrap(), Err(Unavailable::default()));
    assert_eq!(told(&mut agent).await, Some((Epoch(8), resync())));

    let (peer, message) = (self::agent(), disconnect());
    next.says(&mut new_link, &ToGateway::Message { peer, message });
    assert_eq!(told(&mut agent).await, Some((Epoch(8), disconnect())));
}

#[tokio::test]
async fn what_a_former_owner_says_is_not_passed_on() {
    let site = Site::new().await;
    let mut first = site.owner("owner", Epoch(7)).await;
    let mut agent = site.sessions.open(&cell(), agent());
    let speaking = site.agent_speaks(Epoch(7));
    let mut old = first.welcomes(Vec::new()).await;
    speaking.await.unwrap().unwrap();
    let mut next = site.owner("next", Epoch(8)).await;
    let mut new = next.welcomes(Vec::new()).await;

    let (peer, message) = (self::agent(), disconnect());
    first.says(&mut old, &ToGateway::Message { peer, message });
    let other = Message::ToAgent(ToAgent::Resync);
    let peer = self::agent();
    next.says(
        &mut new,
        &ToGateway::Message {
            peer,
            message: other,
        },
    );
    assert_eq!(told(&mut agent).await, Some((Epoch(8), resync())));
    assert_eq!(told(&mut agent).await, Some((Epoch(8), resync())));
    let late = site.ask(Epoch(7)).await.unwrap();
    assert_eq!(late, Err(Unavailable::default()), "that owner is outdated");
}

#[tokio::test]
async fn an_announcement_ends_the_link_to_the_owner_before() {
    let site = Site::new().await;
    let mut owner = site.owner("owner", Epoch(7)).await;
    let mut framework = site.sessions.open(&cell(), framework());
    let speaking = site.agent_speaks(Epoch(7));
    let _link = owner.welcomes(Vec::new()).await;
    speaking.await.unwrap().unwrap();

    let stream = Stream::Out("me".into());
    let mut writer = owner
        .broker
        .writer(stream, "other.s8".into(), Beats::WhenTold);
    let serving = ToGateway::Serving {
        partition: PARTITION,
        epoch: Epoch(8),
        replica: "other".into(),
    };
    owner.says(&mut writer, &serving);
    assert_eq!(told(&mut framework).await, None);
    until("the link is over", || site.links.is_empty()).await;
}

#[tokio::test]
async fn an_owners_reset_is_heard_and_the_same_owner_reached_again() {
    let site = Site::new().await;
    let mut owner = site.owner("owner", Epoch(7)).await;
    let mut agent = site.sessions.open(&cell(), agent());
    let speaking = site.agent_speaks(Epoch(7));
    let mut link = owner.welcomes(Vec::new()).await;
    speaking.await.unwrap().unwrap();
    let (_, _, said) = owner.hears().await;
    assert!(matches!(said, ToOwner::Input { request: None, .. }));
    owner.says(&mut link, &ToGateway::Reset);
    let again = owner.welcomes(Vec::new()).await;
    assert_ne!(again.link(), link.link());
    assert_eq!(told(&mut agent).await, Some((Epoch(7), resync())));
}

#[tokio::test]
async fn only_an_owner_that_beats_is_fresh() {
    let site = Site::new().await;
    let mut owner = site.owner("owner", Epoch(7)).await;
    let way = site.links.to(PARTITION, Epoch(7), &"owner".into());
    assert!(!way.is_fresh());
    let speaking = site.agent_speaks(Epoch(7));
    let link = owner.welcomes(Vec::new()).await;
    speaking.await.unwrap().unwrap();
    link.beat();
    until("the beat is heard", || way.is_fresh()).await;
    let other_epoch = site.links.to(PARTITION, Epoch(8), &"owner".into());
    assert!(!other_epoch.is_fresh());
}

#[tokio::test]
async fn after_the_broker_was_away_agents_register_again_and_nobody_waits() {
    let site = Site::new().await;
    let mut owner = site.owner("owner", Epoch(7)).await;
    let mut framework = site.sessions.open(&cell(), framework());
    let mut agent = site.sessions.open(&cell(), agent());
    let asking = site.ask(Epoch(7));
    let _link = owner.welcomes(Vec::new()).await;
    owner.asked().await;

    site.data.go_away();
    assert_eq!(told(&mut framework).await, None);
    assert_eq!(asking.await.unwrap(), Err(Unavailable::uncertain()));
    let refused = site.ask(Epoch(7)).await.unwrap();
    assert_eq!(refused, Err(Unavailable::default()));

    site.data.come_back();
    let up = |broker: &Broker| *broker.health().borrow() == insula_broker::Health::Up;
    until("the owner's broker is up", || up(&owner.broker)).await;
    let _again = owner.welcomes(Vec::new()).await;
    assert_eq!(told(&mut agent).await, Some((Epoch(7), resync())));
}

#[tokio::test]
async fn while_the_broker_is_away_agents_of_others_cells_are_sent_to_another_replica() {
    let site = Site::with_silence(Duration::from_millis(100)).await;
    let _owner = site.owner("owner", Epoch(7)).await;
    let of_mine = CellId::from("mine");
    let _at_home = site.sessions.open(&of_mine, agent());
    let mut of_owner = site.sessions.open(&cell(), agent());
    site.data.go_away();
    let refused = site.agent_speaks(Epoch(7)).await.unwrap();
    assert_eq!(refused, Err(Unavailable::default()));
    let is_forsaken = || site.links.forsaken() == [PARTITION];
    until("nobody has answered for long", is_forsaken).await;
    assert_eq!(site.links.send_away(PARTITION, 0), 0);
    assert_eq!(site.links.send_away(PARTITION, 9), 1);
    assert_eq!(told(&mut of_owner).await, None);
    assert!(!of_owner.was_cut());
    assert!(site.sessions.is_open(&of_mine, &agent()));
}

#[tokio::test]
async fn a_gateway_that_ends_in_order_says_goodbye() {
    let site = Site::new().await;
    let mut owner = site.owner("owner", Epoch(7)).await;
    let speaking = site.agent_speaks(Epoch(7));
    let _link = owner.welcomes(Vec::new()).await;
    speaking.await.unwrap().unwrap();
    owner.hears().await;
    site.links.close().await;
    let (_, _, said) = owner.hears().await;
    assert_eq!(said, ToOwner::Bye);
}
