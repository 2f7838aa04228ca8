//! What is loaded is what was committed, whatever it was.

use bytes::Bytes;
use insula_types::record::{AgentRow, CellRow, FrameworkState, Record, RequestRow, TaskRow};
use insula_types::{AgentId, Reason, TaskId, TaskState, TenantId, Time};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::model::Model;
use crate::sample;
use crate::site::{Site, cell, commit, take};

#[tokio::test]
async fn every_kind_of_row_reads_back_as_it_was_written() {
    let own = sample::framework_key("a", "one");
    let other = sample::framework_key("b", "one");
    let removed = FrameworkState::Removed { at: Time(6) };
    let records = vec![
        Record::Cell(CellRow {
            seed: u64::MAX,
            time: Time(99),
        }),
        Record::Role(sample::role("b/.")),
        Record::Role(sample::role("a/x/y")),
        Record::Agent(Box::new(sample::full_agent("agent"))),
        Record::Agent(Box::new(sample::plain_agent("Ägent"))),
        Record::Framework(Box::new(sample::plain_framework(other.clone()))),
        Record::Framework(Box::new(sample::full_framework(own.clone()))),
        Record::Framework(Box::new(insula_types::record::FrameworkRow {
            state: removed,
            ..sample::plain_framework(sample::framework_key("a", "gone"))
        })),
        Record::Task(Box::new(sample::full_task(own.clone(), "t", 50))),
        Record::Task(Box::new(sample::plain_task(other, "t", 9))),
        Record::Task(Box::new(sample::ended_task(own, "t", 8))),
        Record::Payload(sample::launch(50), Bytes::from_static(b"not yet confirmed")),
        Record::Payload(sample::launch(9), Bytes::from_static(b"confirmed")),
        Record::Request(Box::new(sample::full_request("a", "r"))),
        Record::Request(Box::new(sample::plain_request("b", "r"))),
    ];
    for site in Site::all() {
        check(&site, vec![records.clone()]).await;
    }
}

#[tokio::test]
async fn every_state_and_reason_reads_back_as_it_was_written() {
    let key = sample::framework_key("a", "one");
    let pairs = TaskState::ALL.iter().zip(Reason::ALL.iter().cycle());
    let more = Reason::ALL
        .iter()
        .map(|reason| (&TaskState::Failed, reason));
    let records = pairs.chain(more).zip(1..).map(|((state, reason), number)| {
        let mut task = sample::plain_task(key.clone(), "t", number);
        task.status.state = *state;
        task.status.reason = Some(*reason);
        Record::Task(Box::new(task))
    });
    let records: Vec<_> = records.collect();
    for site in Site::all() {
        check(&site, vec![records.clone()]).await;
    }
}

/// Any sequence of commits, each of any records over a few keys, loads as the model says.
#[test]
fn any_history_of_commits_loads_as_the_model_says() {
    any_history(64, || Some(Site::Memory));
}

/// Each history is a database of its own, which takes a tenth of a second: fewer of them.
#[test]
fn any_history_of_commits_loads_from_postgres_as_the_model_says() {
    any_history(16, Site::postgres);
}

fn any_history(cases: u32, site: impl Fn() -> Option<Site>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let commits = prop::collection::vec(prop::collection::vec(record(), 0..20), 1..6);
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&commits, |commits| {
        if let Some(site) = site() {
            runtime.block_on(check(&site, commits));
        }
        Ok(())
    });
    result.unwrap();
}

async fn check(site: &Site, commits: Vec<Vec<Record>>) {
    let store = site.open().await;
    let owner = take(&store).await;
    let mut model = Model::new();
    let mut commit_no = owner.commit_no;
    for records in commits {
        let records = applicable(&mut model, records);
        commit_no = commit(&store, &owner, commit_no, records).await.unwrap();
        assert_eq!(store.load(&cell()).await.unwrap(), model.rows());
    }
}

/// Applies the records to the model, without those that no kernel would write: they name an agent
/// that is not there yet, or a task that is history.
fn applicable(model: &mut Model, records: Vec<Record>) -> Vec<Record> {
    let mut kept = Vec::new();
    for record in records {
        let absurd = match &record {
            Record::AgentConfirmed(agent, _) => !model.knows_agent(agent),
            Record::Task(row) => model.is_archived(row.launch),
            _ => false,
        };
        if absurd {
            continue;
        }
        model.apply(&record);
        kept.push(record);
    }
    kept
}

fn record() -> impl Strategy<Value = Record> {
    let tenant = prop_oneof![Just("a"), Just("b")];
    let agent = prop_oneof![Just("agent"), Just("other")];
    let agents = (agent.clone(), any::<bool>(), 0..60_u64).prop_map(|(agent, full, confirmed)| {
        let row = if full {
            sample::full_agent(agent)
        } else {
            sample::plain_agent(agent)
        };
        Record::Agent(Box::new(AgentRow { confirmed, ..row }))
    });
    let confirmed = (agent, 0..60_u64)
        .prop_map(|(agent, seq)| Record::AgentConfirmed(AgentId::from(agent), seq));
    let frameworks = (tenant.clone(), any::<bool>()).prop_map(|(tenant, full)| {
        let key = sample::framework_key(tenant, "one");
        let row = if full {
            sample::full_framework(key)
        } else {
            sample::plain_framework(key)
        };
        Record::Framework(Box::new(row))
    });
    let payloads = (1..200_u64, any::<Vec<u8>>())
        .prop_map(|(number, bytes)| Record::Payload(sample::launch(number), bytes.into()));
    let moods = (any::<bool>(), prop::option::weighted(0.2, 1..100_u64));
    let requests =
        (tenant.clone(), "[a-c]", moods).prop_map(|(tenant, task, (full, withdrawn))| {
            let row = if full {
                sample::full_request(tenant, &task)
            } else {
                sample::plain_request(tenant, &task)
            };
            let withdrawn_at = withdrawn.map(Time);
            Record::Request(Box::new(RequestRow {
                withdrawn_at,
                ..row
            }))
        });
    let done = (tenant, "[a-c]")
        .prop_map(|(tenant, task)| Record::RequestDone(TenantId::from(tenant), TaskId::from(task)));
    let cells = (any::<u64>(), 0..u64::MAX / 4).prop_map(|(seed, time)| {
        Record::Cell(CellRow {
            seed,
            time: Time(time),
        })
    });
    prop_oneof![
        agents,
        confirmed,
        frameworks,
        payloads,
        requests,
        done,
        cells,
        task()
    ]
}

fn task() -> impl Strategy<Value = Record> {
    (1..200_u64, any::<bool>(), any::<bool>(), r"[^\x00]{0,8}").prop_map(
        |(number, full, archived, message)| {
            // What a launch was accepted with follows from its number, since it never changes.
            let key = sample::framework_key(if number % 2 == 0 { "a" } else { "b" }, "one");
            let task = sample::plain_task(key.clone(), "t", number);
            let later = sample::full_task(key, "t", number);
            let mut status = if full {
                later.status.clone()
            } else {
                task.status.clone()
            };
            status.message = message;
            let row = TaskRow {
                status,
                archived,
                ..task
            };
            let row = if full {
                TaskRow {
                    times: later.times,
                    ack: later.ack,
                    ..row
                }
            } else {
                row
            };
            Record::Task(Box::new(row))
        },
    )
}
