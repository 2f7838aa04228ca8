use insula_agent::ShutdownMode;

use crate::cluster;
use crate::machine::Machine;
use crate::service;

#[tokio::test]
async fn a_machine_joins_once_and_says_what_it_has() {
    let mut service = service::start().await;
    let machine = Machine::new(&service);
    let agent = machine.start(ShutdownMode::KillTasks);
    let first = cluster::session(&mut service).await.registration;
    assert_eq!(first.info.hostname, "test");
    assert_eq!(first.info.resources.to_string(), "cpus:2;mem:512");
    assert!(first.info.capabilities.native);
    let missing = first.info.capabilities.limits["cpus"]
        .missing
        .clone()
        .unwrap();
    assert!(missing.contains("no control groups"), "{missing}");
    assert!(
        first
            .info
            .capabilities
            .wasm_missing
            .unwrap()
            .contains("without a program")
    );
    agent.stop().await;

    let agent = machine.start(ShutdownMode::KillTasks);
    let again = cluster::session(&mut service).await.registration;
    assert_eq!(again.checkpoint, first.checkpoint);
    agent.stop().await;
}

#[tokio::test]
async fn a_used_token_is_refused_with_the_services_words() {
    let service = service::start().await;
    let mut machine = Machine::new(&service);
    machine.token().secret = "guessed".to_owned();
    let error = machine.start(ShutdownMode::LeaveTasks).error().await;
    assert!(error.contains("the token was used before"), "{error}");
}

#[tokio::test]
async fn a_machine_that_must_ask_again_asks_as_the_same_machine() {
    let mut service = service::start().await;
    let mut machine = Machine::new(&service);
    let secret = std::mem::replace(&mut machine.token().secret, "guessed".to_owned());
    machine.start(ShutdownMode::LeaveTasks).error().await;
    let joining = machine.work_dir().join("work/joining.json");
    let asked = std::fs::read_to_string(&joining).unwrap();

    machine.token().secret = secret;
    let agent = machine.start(ShutdownMode::KillTasks);
    let registration = cluster::session(&mut service).await.registration;
    assert!(
        asked.contains(registration.checkpoint.as_str()),
        "the same checkpoint"
    );
    assert!(!joining.exists(), "the key is kept once");
    agent.stop().await;
}

#[tokio::test]
async fn another_server_than_the_tokens_is_not_trusted() {
    let service = service::start().await;
    let mut machine = Machine::new(&service);
    machine.token().fingerprint = [0; 32];
    let error = machine.start(ShutdownMode::LeaveTasks).error().await;
    assert!(error.contains("another authority"), "{error}");
}

#[tokio::test]
async fn two_agents_do_not_share_a_work_directory() {
    let mut service = service::start().await;
    let machine = Machine::new(&service);
    let agent = machine.start(ShutdownMode::KillTasks);
    cluster::session(&mut service).await;
    let error = machine.start(ShutdownMode::LeaveTasks).error().await;
    assert!(
        error.contains(&format!("locked by process {}", std::process::id())),
        "{error}"
    );
    agent.stop().await;
}

#[tokio::test]
async fn a_work_directory_stays_with_its_service() {
    let mut service = service::start().await;
    let mut machine = Machine::new(&service);
    let agent = machine.start(ShutdownMode::KillTasks);
    cluster::session(&mut service).await;
    agent.stop().await;
    machine.token().fingerprint = [1; 32];
    let error = machine.start(ShutdownMode::LeaveTasks).error().await;
    assert!(error.contains("another service"), "{error}");
}
