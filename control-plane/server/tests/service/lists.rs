//! Lists: filters, pages, and what they show.

use std::collections::BTreeSet;

use insula_client::Listing;
use serde_json::json;

use crate::support::{Agent, Plane, eventually, launch_of};

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_tasks_miss_nothing_and_repeat_nothing() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let run = |count: u32, resources: &str| json!({"run": {"shell": "true"}, "name": "web", "count": count, "resources": resources});
    plane.submit(run(3, "cpus:1")).await;
    let launches = [agent.runs().await, agent.runs().await, agent.runs().await];
    plane.submit(run(4, "cpus:100")).await;

    let mut seen = Vec::new();
    let mut path = "/v1/tasks?limit=2".to_owned();
    loop {
        let page = plane.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(
            items
                .iter()
                .map(|task| task["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/tasks?limit=2&cursor={next}");
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7);
    let started: Vec<&str> = launches
        .iter()
        .rev()
        .map(|launch| launch.task.as_str())
        .collect();
    assert_eq!(
        &seen[4..],
        started,
        "those that wait come first, then the latest start"
    );

    let all = plane.client.tasks(&Listing::default()).await.unwrap();
    assert_eq!(all.len(), 7);
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_listed_by_name_framework_and_whether_they_are_over() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let named = |name: &str| json!({"run": {"shell": "true"}, "name": name});
    let over = plane.submit(named("over")).await;
    let launch = agent.runs().await;
    agent.finishes(&launch).await;
    plane.done(&over).await;
    let live = plane.submit(named("live")).await;
    agent.runs().await;

    let ids = async |listing: Listing| -> Vec<String> {
        let tasks = plane.client.tasks(&listing).await.unwrap();
        tasks.into_iter().map(|task| task.id).collect()
    };
    assert_eq!(ids(Listing::default()).await, std::slice::from_ref(&live));
    let all = Listing {
        all: true,
        ..Listing::default()
    };
    assert_eq!(ids(all.clone()).await, [live.clone(), over.clone()]);
    let prefix = Listing {
        prefix: "ov".to_owned(),
        ..all.clone()
    };
    assert_eq!(ids(prefix).await, std::slice::from_ref(&over));
    let built_in = Listing {
        framework: Some("insula".to_owned()),
        ..all.clone()
    };
    assert_eq!(ids(built_in).await.len(), 2);
    let other = Listing {
        framework: Some("other".to_owned()),
        ..all
    };
    assert!(ids(other).await.is_empty());
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_shows_what_it_is_and_what_is_used() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    plane
        .submit(json!({"run": {"shell": "true"}, "resources": "cpus:1;mem:96"}))
        .await;
    let launch = agent.runs().await;
    let shown = plane.client.agents().await.unwrap().remove(0);
    assert_eq!(shown.id, agent.identity.agent);
    assert_eq!(shown.total, "cpus:4;mem:4096");
    assert_eq!(shown.used, "cpus:1;mem:96");
    assert_eq!(shown.free, "cpus:3;mem:4000");
    assert_eq!(shown.tasks, 1);
    assert_eq!(shown.attributes, [("rack".to_owned(), "a7".to_owned())]);

    let built_in = plane.client.frameworks().await.unwrap().remove(0);
    assert_eq!((built_in.id.as_str(), built_in.tasks), ("insula", 1));
    assert!(plane.client.offers().await.unwrap().is_empty());
    let tasks = plane.client.tasks(&Listing::default()).await.unwrap();
    assert_eq!(tasks[0].launch, Some(launch_of(&launch)));
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_survive_a_restart_of_the_control_plane() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(crate::support::shell()).await;
    let launch = agent.runs().await;
    eventually("it runs", async || {
        plane.client.task(&id).await.unwrap().state == "TASK_RUNNING"
    })
    .await;
    let mut identity = agent.identity.clone();
    let plane = Plane::over(plane.stop().await).await;
    identity.address = plane.server.address().to_string();
    let task = plane.client.task(&id).await.unwrap();
    assert_eq!(task.launch, Some(launch_of(&launch)));
    assert!(
        Agent::open(&identity).await.is_ok(),
        "its certificate is still good"
    );
    plane.stop().await;
}
