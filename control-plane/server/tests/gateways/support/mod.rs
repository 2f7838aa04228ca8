//! Replicas on ports of their own, and the other sides: a client, a machine, a raw caller.

#[allow(
    dead_code,
    reason = "shared with the tests of one control plane, which use all of it"
)]
#[path = "../../service/support/agent.rs"]
mod agent;
mod call;
#[allow(
    dead_code,
    reason = "shared with the tests of one control plane, which use all of it"
)]
#[path = "../../service/support/identity.rs"]
mod identity;

use std::time::Duration;

use insula_client::api::{MakeToken, SubmitTask, SubmitTasks};
use insula_client::{Access, Client, Credential};
use insula_server::authority::Authority;
use insula_server::durations::Durations;
use insula_server::{ReplicaOptions, ReplicaServer, admin};
use insula_store::{PostgresOptions, Store};
use insula_types::CellId;
use serde_json::Value;

use crate::database::Database;

pub(crate) use agent::{Agent, launch_of};
pub(crate) use call::{Answer, Call, Events, basic};
pub(crate) use identity::Identity;

/// Names a Redis server, as `infra/dev-services` does.
const REDIS_URL: &str = "INSULA_TEST_REDIS_URL";

/// How long a test waits for what must happen; it happens within milliseconds, or seconds where a
/// partition changes its owner.
const DEADLINE: Duration = Duration::from_secs(60);

/// Few, so that a replica has taken all within a moment.
const PARTITIONS: u16 = 4;

/// Waits for what must happen.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("it happens before the deadline")
}

/// Looks again until there is something to see. The pause is no measure of anything.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let seen = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, seen)
        .await
        .unwrap_or_else(|_| panic!("{what}: not before the deadline"))
}

/// What the replicas of a service share.
pub(crate) struct Service {
    pub(crate) database: Database,
    redis_url: String,
    authority: String,
    pub(crate) credential: Credential,
    lease_ttl: Duration,
}

impl Service {
    /// A service without replicas, whose leases no test waits for; nothing where there is no
    /// Postgres or no Redis.
    pub(crate) async fn new() -> Option<Self> {
        Self::with_leases(Duration::from_secs(60)).await
    }

    pub(crate) async fn with_leases(lease_ttl: Duration) -> Option<Self> {
        let Ok(redis_url) = std::env::var(REDIS_URL) else {
            eprintln!("skipped: replicas, since {REDIS_URL} names no Redis server");
            return None;
        };
        let database = Database::create()?;
        let options = PostgresOptions {
            partitions: Some(PARTITIONS),
            ..PostgresOptions::default()
        };
        let store = Store::connect(&database.url(), options).await.unwrap();
        store.close().await;
        let made = admin::new_service().unwrap();
        Some(Self {
            database,
            redis_url,
            authority: made.authority,
            credential: made.credential.parse().unwrap(),
            lease_ttl,
        })
    }

    /// Starts a replica.
    pub(crate) async fn replica(&self) -> ReplicaServer {
        let options = ReplicaOptions {
            id: ReplicaOptions::fresh_id(),
            listen: ([127, 0, 0, 1], 0).into(),
            advertise: None,
            public: None,
            database_url: self.database.url(),
            redis_url: self.redis_url.clone(),
            redis_prefix: self.database.name().to_owned(),
            authority: Authority::from_pem(self.authority.as_bytes()).unwrap(),
            operator: self.credential.clone(),
            durations: Durations {
                lease_ttl: self.lease_ttl,
                lease_renewal: Duration::from_millis(200),
                lease_margin: Duration::from_millis(200),
                cells_poll: Duration::from_millis(100),
                link_beat: Duration::from_millis(250),
                link_silence: Duration::from_secs(2),
                heartbeat: Duration::from_millis(200),
                ..Durations::default()
            },
        };
        soon(ReplicaServer::start(options)).await.unwrap()
    }

    /// A replica that owns everything, and one that owns nothing and knows that.
    pub(crate) async fn two(&self) -> (ReplicaServer, ReplicaServer) {
        let owner = self.replica().await;
        self.until_owned_by(&owner, &owner).await;
        let other = self.replica().await;
        self.until_owned_by(&owner, &other).await;
        (owner, other)
    }

    /// Waits until a replica knows that another one owns everything.
    pub(crate) async fn until_owned_by(&self, owner: &ReplicaServer, seen: &ReplicaServer) {
        let client = self.client(seen);
        eventually("an owner", async || {
            let partitions = client.partitions().await.unwrap();
            let id = owner.id().to_string();
            let is_owned = |owned: Option<&str>| owned == Some(&id);
            let all = partitions.iter().all(|it| is_owned(it.owner.as_deref()));
            (all && partitions.len() == usize::from(PARTITIONS)).then_some(())
        })
        .await;
    }

    /// A client of one replica, as the operator.
    pub(crate) fn client(&self, replica: &ReplicaServer) -> Client {
        self.client_of(replica, None)
    }

    pub(crate) fn client_of(&self, replica: &ReplicaServer, cell: Option<&str>) -> Client {
        let access = Access {
            url: format!("https://{}", replica.address()),
            credential: Some(self.credential.clone()),
            cell: cell.map(CellId::from),
            authority: Some(self.authority.clone().into_bytes()),
        };
        Client::connect(&access).unwrap()
    }

    /// A machine of the cell `default` that has joined through a replica and is connected to it.
    pub(crate) async fn agent(&self, replica: &ReplicaServer) -> Agent {
        let identity = self.machine(&self.client(replica), replica).await;
        Agent::register(&identity).await
    }

    pub(crate) async fn machine(&self, client: &Client, replica: &ReplicaServer) -> Identity {
        let wanted = MakeToken {
            address: Some(replica.address().to_string()),
            ..MakeToken::default()
        };
        let token = soon(client.make_token(&wanted)).await.unwrap();
        Identity::enroll(&token.token.parse().unwrap())
            .await
            .unwrap()
    }

    /// A request that the client of the API would not send.
    pub(crate) fn call(&self, replica: &ReplicaServer) -> Call {
        Call::to(&replica.address().to_string()).bearer(&self.credential.secret)
    }
}

/// Submits one task, given as JSON, and says its id.
pub(crate) async fn submit(client: &Client, task: Value) -> String {
    let task: SubmitTask = serde_json::from_value(task).unwrap();
    let tasks = vec![task];
    let submitted = soon(client.submit(&SubmitTasks { tasks })).await.unwrap();
    submitted.ids[0].clone()
}

/// A task that runs a shell line which nobody runs.
pub(crate) fn shell() -> Value {
    serde_json::json!({"run": {"shell": "true"}, "name": "story"})
}
