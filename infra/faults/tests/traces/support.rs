//! A cluster that exports.

use std::time::Duration;

use insula_faults::receiver::{Received, Receiver, Trace};
use insula_faults::{Cluster, Framework, Http, Load, Place, Settings, Wanted, requirements, until};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::hops::{Hop, unreceived};

/// How long spans may be under way after what they tell of is over: a batch is sent each tenth of a
/// second, and a machine may be busy.
const UNDER_WAY: Duration = Duration::from_secs(20);

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A cluster, and the receiver that all of it exports to.
pub(crate) struct Run {
    pub(crate) receiver: Receiver,
    pub(crate) cluster: Cluster,
}

impl Run {
    /// Starts it; nothing if the machine lacks something, which is said.
    pub(crate) async fn start() -> Option<Self> {
        let found = match requirements::find() {
            Ok(found) => found,
            Err(why) => {
                eprintln!("skipped: {why}");
                return None;
            }
        };
        let receiver = Receiver::start();
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url().as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings {
            environment: environment.to_vec(),
            ..Settings::default()
        };
        let cluster = Cluster::start(Place::new(), &found, settings).await;
        let run = Self { receiver, cluster };
        run.until_nothing_moves().await;
        Some(run)
    }

    /// Waits until each replica has its share of the partitions, so that none changes hands by itself.
    async fn until_nothing_moves(&self) {
        let sql = "SELECT max(owned) - min(owned) <= 1 AND count(*) = 3 \
                   FROM (SELECT count(*) AS owned FROM partition_lease \
                   WHERE expires_at > clock_timestamp() GROUP BY replica) AS shares";
        until("the partitions to be shared evenly", || async {
            (self.cluster.postgres.query(sql) == ["t"]).then_some(())
        })
        .await;
    }

    /// Calls a replica that does not own the default cell's partition, as the operator of a cell: what
    /// is asked goes through two replicas.
    pub(crate) async fn aside(&self, cell: &str) -> Http {
        let bystander = self.cluster.bystander().await;
        self.cluster
            .http_at(self.cluster.replicas[bystander].address(), cell)
    }

    /// A framework that calls in this way.
    pub(crate) fn framework(&self, name: &str, http: Http, load: Load) -> Framework {
        Framework::start(Wanted {
            name: name.to_owned(),
            http,
            failover_timeout: Duration::from_secs(3600),
            silence: self.cluster.lease() * 5,
            load,
            starts: self.cluster.place().file("starts"),
            began: Instant::now(),
        })
    }

    /// Waits until a task of a person is in a state.
    pub(crate) async fn until_state(&self, task: &str, state: &str) {
        let path = format!("/v1/tasks/{task}");
        let http = self.cluster.http("default");
        until(&format!("{task} to be {state}"), || async {
            let shown = http.get(&path).await.json()?;
            (shown["state"] == state).then_some(())
        })
        .await;
    }

    /// The trace with this id, as soon as it has all of the hops. It has one first span, with `caller`
    /// as its parent, and no loose end.
    pub(crate) async fn whole(&self, id: u128, caller: u64, hops: &[&[Hop]]) -> Trace {
        let hops = hops.concat();
        let lacks = |received: &Received| {
            let trace = received.trace(id);
            let mut lacking: Vec<String> = trace.flaws("task", caller);
            lacking.extend(trace.lacks(&hops).iter().map(ToString::to_string));
            lacking.extend(unreceived(&trace));
            if !lacking.is_empty() {
                lacking.push(trace.shown());
            }
            lacking
        };
        self.settle("things are missing", lacks).await;
        self.receiver.received().trace(id)
    }

    /// The trace of a task that is found by its name, as soon as it has begun.
    pub(crate) async fn trace_of(&self, task: &str) -> u128 {
        until(&format!("the first span of {task}"), || {
            let received = self.receiver.received();
            let is_it = |name: &str, of: &str| name == "task" && of == task;
            let mut spans = received.spans();
            let found = spans.find(|span| is_it(&span.name, span.attribute("insula.task")));
            let found = found.map(|span| span.trace);
            async move { found }
        })
        .await
    }

    /// Waits until nothing is found wrong with what was received, which is so once everything under way
    /// has come.
    pub(crate) async fn settle(&self, what: &str, wrong: impl Fn(&Received) -> Vec<String>) {
        const SHOWN: usize = 20;
        let end = Instant::now() + UNDER_WAY;
        loop {
            let found = wrong(&self.receiver.received());
            if found.is_empty() {
                return;
            }
            let shown = found.iter().take(SHOWN).cloned().collect::<Vec<_>>();
            let shown = shown.join("\n");
            assert!(Instant::now() < end, "{what} ({}):\n{shown}", found.len());
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Submits one task; returns its id.
pub(crate) async fn submit(http: &Http, task: Value) -> String {
    let body = json!({ "tasks": [task] });
    until("a task to be taken", || async {
        let taken = http.post("/v1/tasks", &body).await.json()?;
        Some(taken["ids"][0].as_str()?.to_owned())
    })
    .await
}

/// A task of a person that runs a line of the shell.
pub(crate) fn shell(name: &str, line: &str) -> Value {
    json!({"run": {"shell": line}, "name": name, "resources": "cpus:0.02;mem:4"})
}
