//! A real Prometheus with our configuration and rules scrapes a real service of three replicas, and
//! says so when something is broken.

#![allow(clippy::print_stderr, reason = "what is skipped is said aloud")]

use insula_faults::{Cluster, Place, Settings, requirements, until};
use insula_observability::{Prometheus, files_in, infra, programs, read, rules};
use serde_json::Value;

/// Agents of the cluster.
const AGENTS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_prometheus_scrapes_a_service_and_says_what_is_broken() {
    let (found, programs) = match (requirements::find(), programs()) {
        (Ok(found), Ok(programs)) => (found, programs),
        (Err(why), _) | (_, Err(why)) => {
            eprintln!("skipped: {why}");
            return;
        }
    };
    let settings = Settings {
        agents: AGENTS,
        ..Settings::default()
    };
    let mut cluster = Cluster::start(Place::new(), &found, settings).await;
    deploy(&cluster);
    let config = cluster.place().file("prometheus.yml");
    let mut prometheus = Prometheus::start(&programs, cluster.place(), &config).await;
    what_there_is_is_counted(&cluster, &prometheus).await;
    every_rule_is_evaluated(&prometheus).await;
    a_dead_replica_is_missed(&mut cluster, &prometheus).await;
    a_lost_broker_is_noticed(&cluster, &prometheus).await;
    lost_agents_are_noticed(&mut cluster, &prometheus).await;
    prometheus.assert_lives();
}

/// Puts the files of `infra/prometheus` into the test's directory: the configuration with the replicas of
/// this cluster and quick intervals, and rules that fire at once.
fn deploy(cluster: &Cluster) {
    let place = cluster.place();
    for folder in ["rules", "insula"] {
        let made = std::fs::create_dir(place.file(folder));
        made.unwrap_or_else(|error| panic!("cannot make {folder}: {error}"));
    }
    for file in files_in(&infra().join("prometheus/rules"), ".yml") {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let _copy = place.write(
            &format!("rules/{name}"),
            &rules::without_patience(&read(&file)),
        );
    }
    let mut config = read(&infra().join("prometheus/prometheus.yml"));
    for (key, quick) in [
        ("scrape_interval: 15s", "scrape_interval: 1s"),
        ("scrape_timeout: 10s", "scrape_timeout: 1s"),
        ("evaluation_interval: 15s", "evaluation_interval: 1s"),
    ] {
        assert!(config.contains(key), "{key}");
        config = config.replace(key, quick);
    }
    for (index, replica) in cluster.replicas.iter().enumerate() {
        let example = format!("replica-{}.example:5050", index + 1);
        assert!(config.contains(&example), "{example}");
        config = config.replace(&example, &replica.address().to_string());
    }
    let _config = place.write("prometheus.yml", &config);
    let agents = cluster.agents.iter();
    let agents: Vec<String> = agents.map(|agent| agent.metrics().to_string()).collect();
    let agents = serde_json::json!([{ "targets": agents }]);
    // JSON is YAML.
    let _agents = place.write("insula/agents.yml", &agents.to_string());
    let operator = read(&place.file("operator"));
    let secret = operator
        .trim_end()
        .split_once(':')
        .map(|(_, secret)| secret);
    let _secret = place.write("insula/operator-secret", secret.unwrap_or_default());
    let _authority = place.write("insula/ca.crt", &certificate(&read(&place.file("ca.pem"))));
}

/// The certificate of a PEM file that has its key as well.
fn certificate(pem: &str) -> String {
    const END: &str = "-----END CERTIFICATE-----\n";
    let begin = pem.find("-----BEGIN CERTIFICATE-----").unwrap_or_default();
    let end = pem.find(END).map_or(pem.len(), |end| end + END.len());
    pem[begin..end].to_owned()
}

async fn what_there_is_is_counted(cluster: &Cluster, prometheus: &Prometheus) {
    // Until replicas have evened out who owns what, the cell may move, and with it who counts.
    let is_even = "max(insula_partitions_owned) - min(insula_partitions_owned) <= 1";
    prometheus
        .until_holds("sum(insula_partitions_owned) == 64")
        .await;
    prometheus.until_holds(is_even).await;
    let mut submitter = cluster.submitter();
    submitter.submit().await;
    submitter.submit().await;
    submitter.until_finished().await;
    for condition in [
        "sum(up{job=\"insula\"}) == 3",
        "sum(insula_replica_ready) == 3",
        "min(insula_replicas{state=\"ready\"}) == 3",
        "max(insula_partitions_orphaned) == 0",
        "min(insula_broker_up) == 1",
        "cell_state:insula_agents:sum{cell=\"default\", state=\"connected\"} == 2",
        "sum(insula_tasks_ended_total{state=\"finished\"}) == 2",
        "sum(up{job=\"insula-agent\"}) == 2",
        "sum(insula_agent_connected) == 2",
        "sum(insula_agent_launch_duration_seconds_count{runs=\"native\"}) == 2",
        "sum(http_server_request_duration_seconds_count{http_request_method=\"POST\", \
         http_route=\"/v1/tasks\", http_response_status_code=\"201\"}) >= 2",
    ] {
        prometheus.until_holds(condition).await;
    }
}

/// Prometheus has evaluated each, and nothing that people would read has failed to be made.
async fn every_rule_is_evaluated(prometheus: &Prometheus) {
    let groups = until("all rules to be evaluated", || async {
        let data = prometheus.ask("/api/v1/rules").await?;
        let groups = data["groups"].as_array()?.clone();
        let is_evaluated = |rule: &Value| rule["health"] != "unknown";
        let all = groups.iter().flat_map(rules_of).all(is_evaluated);
        all.then_some(groups)
    })
    .await;
    let mut alerts = 0;
    for rule in groups.iter().flat_map(rules_of) {
        assert_eq!(rule["health"], "ok", "{rule}");
        if rule["type"] == "alerting" {
            alerts += 1;
            assert!(
                rule["labels"]["severity"] == "critical" || rule["labels"]["severity"] == "warning",
                "{rule}"
            );
            for key in ["summary", "description", "runbook"] {
                assert!(rule["annotations"][key].is_string(), "{key}: {rule}");
            }
        }
    }
    let files = files_in(&infra().join("prometheus/rules"), ".yml");
    let written = files.iter().map(|file| rules::alerts(&read(file)).len());
    assert_eq!(alerts, written.sum::<usize>());
}

fn rules_of(group: &Value) -> impl Iterator<Item = &Value> {
    group["rules"].as_array().into_iter().flatten()
}

async fn a_dead_replica_is_missed(cluster: &mut Cluster, prometheus: &Prometheus) {
    prometheus.until_quiet("InsulaReplicaDown").await;
    let victim = cluster.bystander().await;
    let instance = cluster.replicas[victim].address().to_string();
    cluster.replicas[victim].kill();
    let summary = prometheus.until_fires("InsulaReplicaDown", &instance).await;
    assert_eq!(summary, format!("The replica {instance} does not answer."));
    cluster.replicas[victim].up();
    cluster.until_ready().await;
    prometheus.until_quiet("InsulaReplicaDown").await;
    prometheus.until_quiet("InsulaNoReplicaReady").await;
    prometheus.until_quiet("InsulaPartitionsWithoutOwner").await;
}

async fn a_lost_broker_is_noticed(cluster: &Cluster, prometheus: &Prometheus) {
    prometheus.until_quiet("InsulaBrokerDown").await;
    let replica = &cluster.replicas[cluster.bystander().await];
    replica.to_redis.cut();
    let instance = replica.address().to_string();
    let summary = prometheus.until_fires("InsulaBrokerDown", &instance).await;
    assert_eq!(summary, format!("{instance} does not reach Redis."));
    replica.to_redis.heal();
    prometheus.until_quiet("InsulaBrokerDown").await;
}

async fn lost_agents_are_noticed(cluster: &mut Cluster, prometheus: &Prometheus) {
    cluster.until_connected("default").await;
    prometheus
        .until_holds("sum(insula_agents{cell=\"default\", state=\"connected\"}) == 2")
        .await;
    cluster.agents[0].kill();
    let summary = prometheus.until_fires("InsulaManyAgentsAway", "").await;
    assert_eq!(
        summary,
        "50% of the agents of the cell default are no longer connected."
    );
    cluster.agents[0].up();
    prometheus.until_quiet("InsulaManyAgentsAway").await;
}
