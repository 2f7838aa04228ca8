//! A whole system, to be disturbed.

mod judge;
mod settings;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::agent::Agent;
use crate::framework::{Framework, Load, Starts, Wanted};
use crate::http::{Credential, Http};
use crate::network::{Balancer, Proxy};
use crate::place::Place;
use crate::process::Program;
use crate::replica::{Replica, Shape};
use crate::requirements::Found;
use crate::services::{Postgres, Redis};
use crate::submitter::Submitter;
use crate::wait::{until, until_within};
pub use settings::Settings;

/// The cell that every installation has.
const DEFAULT_CELL: &str = "default";

/// Services, replicas, agents, and the load balancer between them. Dropping it ends everything.
#[derive(Debug)]
pub struct Cluster {
    /// The replicas, by index.
    pub replicas: Vec<Replica>,
    /// The agents, by index.
    pub agents: Vec<Agent>,
    /// The truth.
    pub postgres: Postgres,
    /// The broker.
    pub redis: Redis,
    balancer: Balancer,
    shape: Shape,
    secret: String,
    settings: Settings,
    began: Instant,
    place: Place,
}

impl Cluster {
    /// Starts everything and waits until all agents of the default cell are connected.
    ///
    /// # Panics
    /// If something does not come up.
    pub async fn start(place: Place, found: &Found, settings: Settings) -> Self {
        let postgres = Postgres::start(&found.postgres, place.path()).await;
        let redis = Redis::start(&found.redis, place.path()).await;
        let balancer = Balancer::start().await;
        let shape = Shape {
            insula: found.insula.clone(),
            ca_file: place.file("ca.pem"),
            operator_file: place.file("operator"),
            config: place.write("config", &settings.to_file()),
            public: balancer.address(),
            home: place.path().to_owned(),
            environment: settings.environment.clone(),
        };
        let secret = init(&shape);
        let mut replicas = Vec::new();
        for index in 0..settings.replicas {
            replicas.push(Replica::start(&shape, &postgres, &redis, &settings, index).await);
        }
        balancer.set(replicas.iter().map(Replica::address).collect());
        let mut cluster = Self {
            replicas,
            agents: Vec::new(),
            postgres,
            redis,
            balancer,
            shape,
            secret,
            settings,
            began: Instant::now(),
            place,
        };
        cluster.until_ready().await;
        for _ in 0..cluster.settings.agents {
            cluster.join(DEFAULT_CELL).await;
        }
        cluster.until_connected(DEFAULT_CELL).await;
        cluster
    }

    /// Waits until all replicas are ready.
    ///
    /// # Panics
    /// If one ends, or does not become ready.
    pub async fn until_ready(&mut self) {
        for replica in &mut self.replicas {
            replica.until_ready().await;
        }
    }

    /// Adds an agent to a cell.
    ///
    /// # Panics
    /// If nobody makes a token for it.
    pub async fn join(&mut self, cell: &str) {
        let proxy = Proxy::to(self.balancer.address()).await;
        let body = json!({"address": proxy.address().to_string()});
        let http = self.http(cell);
        let token = until("a join token", || async {
            let token = http.post("/v1/tokens", &body).await.json()?;
            Some(token["token"].as_str()?.to_owned())
        });
        let token = token.await;
        let name = format!("agent-{}", self.agents.len());
        let agent = Agent::start(&self.shape, &name, proxy, token);
        self.agents.push(agent);
    }

    /// Adds a cell to the partition of the default one, which the program would choose by the name's
    /// hash, and an agent to it.
    ///
    /// # Panics
    /// If that fails.
    pub async fn add_cell(&mut self, cell: &str) {
        let _nothing = self.postgres.query(&format!(
            "INSERT INTO cell (cell, partition, seed, time_us, format_version) \
             SELECT '{cell}', partition, seed + 1, time_us, format_version \
             FROM cell WHERE cell = '{DEFAULT_CELL}'"
        ));
        self.join(cell).await;
        self.until_connected(cell).await;
    }

    /// Waits until all agents that have joined a cell are connected to it.
    ///
    /// # Panics
    /// If they are not.
    pub async fn until_connected(&mut self, cell: &str) {
        let own = if cell == DEFAULT_CELL {
            self.settings.agents
        } else {
            1
        };
        let what = format!("{own} connected agents in the cell {cell}");
        let http = self.http(cell);
        until(&what, || {
            for agent in &mut self.agents {
                agent.assert_lives();
            }
            let asked = http.clone();
            async move {
                let page = asked.get("/v1/agents").await.json()?;
                let agents = page["items"].as_array()?;
                let connected = agents.iter().filter(|agent| agent["state"] == "connected");
                (connected.count() >= own).then_some(())
            }
        })
        .await;
    }

    /// Waits until at least so many agents of the default cell are not connected.
    ///
    /// # Panics
    /// If they all stay.
    pub async fn until_disconnected(&self, count: usize) {
        let http = self.http(DEFAULT_CELL);
        until("agents to be missed", || async {
            let page = http.get("/v1/agents").await.json()?;
            let agents = page["items"].as_array()?;
            let away = agents.iter().filter(|agent| agent["state"] != "connected");
            (away.count() >= count).then_some(())
        })
        .await;
    }

    /// Freezes a replica at a moment when a transaction is open, if such a moment is met soon;
    /// whether it was.
    pub async fn freeze_in_transaction(&mut self, replica: usize) -> bool {
        const ATTEMPTS: usize = 40;
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
        for _ in 0..ATTEMPTS {
            self.replicas[replica].freeze();
            if self.postgres.query(sql) != ["0"] {
                return true;
            }
            self.replicas[replica].thaw();
            tokio::task::yield_now().await;
        }
        self.replicas[replica].freeze();
        false
    }

    /// A framework in a cell.
    #[must_use]
    pub fn framework(
        &self,
        name: &str,
        cell: &str,
        failover_timeout: Duration,
        load: Load,
    ) -> Framework {
        Framework::start(Wanted {
            name: name.to_owned(),
            http: self.http(cell),
            failover_timeout,
            silence: self.settings.silence(),
            load,
            starts: self.starts(),
            began: self.began,
        })
    }

    /// A person in the default cell.
    #[must_use]
    pub fn submitter(&self) -> Submitter {
        Submitter::new(self.http(DEFAULT_CELL), Starts::in_file(self.starts()))
    }

    /// Calls through the load balancer as the operator of a cell.
    #[must_use]
    pub fn http(&self, cell: &str) -> Http {
        self.http_at(self.balancer.address(), cell)
    }

    /// Calls one replica as the operator of a cell.
    #[must_use]
    pub fn http_at(&self, address: SocketAddr, cell: &str) -> Http {
        Http::at(address).with_credential(&Credential {
            principal: format!("operator@{cell}"),
            secret: self.secret.clone(),
        })
    }

    /// The program with the environment of an operator at the machine of the database.
    #[must_use]
    pub fn insula<const N: usize>(&self, args: [&str; N]) -> Program {
        let url = self.postgres.url_at(self.postgres.address());
        Program::new(&self.shape.insula)
            .args(args)
            .args(["--database-url", &url])
    }

    /// The program as a person calls it, through the load balancer, as the operator of a cell.
    #[must_use]
    pub fn person<const N: usize>(&self, cell: &str, args: [&str; N]) -> Program {
        let url = format!("http://{}", self.balancer.address());
        Program::new(&self.shape.insula)
            .env("INSULA_URL", url)
            .env("INSULA_CREDENTIAL", &self.shape.operator_file)
            .env("INSULA_CELL", cell)
            .args(args)
    }

    /// The index of the replica that owns the partition of the default cell; waits until there is
    /// one.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn owner(&self) -> usize {
        until("an owner", || async { self.owner_now() }).await
    }

    /// The index of the replica whose lease of the default cell's partition lives, by the clock of
    /// the database.
    #[must_use]
    pub fn owner_now(&self) -> Option<usize> {
        let sql = format!(
            "SELECT replica.advertise FROM cell \
             JOIN partition_lease AS lease USING (partition) JOIN replica USING (replica) \
             WHERE cell.cell = '{DEFAULT_CELL}' AND lease.expires_at > clock_timestamp()"
        );
        let advertised = self.postgres.query(&sql).into_iter().next()?;
        let mut replicas = self.replicas.iter();
        replicas.position(|replica| replica.address().to_string() == advertised)
    }

    /// The index of a replica that does not own the partition of the default cell.
    ///
    /// # Panics
    /// As [`Self::owner`].
    pub async fn bystander(&self) -> usize {
        (self.owner().await + 1) % self.replicas.len()
    }

    /// Waits for a new owner that is not `former`.
    ///
    /// # Panics
    /// If none comes in time.
    pub async fn until_taken_over_from(&self, former: usize) -> usize {
        let taken = until_within(Duration::from_secs(30), "a takeover", || async {
            self.owner_now().filter(|owner| *owner != former)
        });
        taken.await
    }

    /// How long a lease lives.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.settings.lease
    }

    /// How long an agent may be silent before its tasks are unreachable.
    #[must_use]
    pub fn unreachable_after(&self) -> Duration {
        self.settings.unreachable_after
    }

    /// The test's directory.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    fn starts(&self) -> std::path::PathBuf {
        self.place.file("starts")
    }
}

/// Makes the files that all replicas are given; returns the operator's secret.
fn init(shape: &Shape) -> String {
    let _said = Program::new(&shape.insula)
        .args(["admin", "init", "--ca-file"])
        .arg(&shape.ca_file)
        .arg("--operator-file")
        .arg(&shape.operator_file)
        .run();
    let credential = std::fs::read_to_string(&shape.operator_file).unwrap_or_default();
    let secret = credential.trim_end().split_once(':');
    let secret = secret.map(|(_, secret)| secret.to_owned());
    secret.unwrap_or_else(|| panic!("insula admin init made no credential"))
}

impl Drop for Cluster {
    #[allow(
        clippy::print_stderr,
        reason = "a failed test shows what its processes said last"
    )]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for replica in &self.replicas {
            let log = replica.log();
            let lines: Vec<_> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(25)..];
            eprintln!("--- {} said last:\n{}", replica.name(), last.join("\n"));
        }
    }
}
