//! Lists come a page at a time, as of a commit, and only of what was asked for.

use insula_store::{Retention, Store, TaskFilter, TaskGroup};
use insula_types::record::{FrameworkRow, FrameworkState, Record, RequestRow, TaskRow};
use insula_types::{FrameworkId, TaskId, TaskKey, TenantId, Time};

use crate::sample;
use crate::site::{PARTITION, Site, cell, fill};

async fn tasks(store: &Store, filter: &TaskFilter) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut after = None;
    loop {
        let page = store.tasks(&cell(), filter, after, 2).await.unwrap();
        assert!(page.rows.len() <= 2);
        after = page.rows.last().map(|task| task.launch);
        numbers.extend(page.rows.iter().map(|task| task.launch.number));
        if !page.more {
            return numbers;
        }
    }
}

#[tokio::test]
async fn tasks_come_latest_first_and_filtered() {
    for site in Site::all() {
        let store = site.open().await;
        let one = sample::framework_key("a", "one");
        let two = sample::framework_key("a", "two");
        let other = sample::framework_key("b", "one");
        let rows = [
            sample::plain_task(one.clone(), "web-1", 1),
            sample::ended_task(one.clone(), "web-2", 2),
            sample::full_task(one.clone(), "batch%", 3),
            sample::plain_task(two, "web-1", 4),
            sample::plain_task(other, "web_1", 5),
        ];
        fill(
            &store,
            rows.into_iter()
                .map(|row| Record::Task(Box::new(row)))
                .collect(),
        )
        .await;

        let all = TaskFilter::default();
        assert_eq!(tasks(&store, &all).await, [5, 4, 3, 2, 1]);
        let tenant = TaskFilter {
            tenant: Some(TenantId::from("a")),
            ..all.clone()
        };
        assert_eq!(tasks(&store, &tenant).await, [4, 3, 2, 1]);
        let framework = TaskFilter {
            framework: Some(FrameworkId::from("one")),
            ..tenant.clone()
        };
        assert_eq!(tasks(&store, &framework).await, [3, 2, 1]);
        let task = TaskFilter {
            task: Some(TaskId::from("web-1")),
            ..all.clone()
        };
        assert_eq!(tasks(&store, &task).await, [4, 1]);
        let active = TaskFilter {
            group: Some(TaskGroup::Active),
            ..all.clone()
        };
        assert_eq!(tasks(&store, &active).await, [5, 4, 1]);
        let completed = TaskFilter {
            group: Some(TaskGroup::Completed),
            ..all.clone()
        };
        assert_eq!(tasks(&store, &completed).await, [3, 2]);
        let prefix = |text: &str| TaskFilter {
            task_prefix: Some(text.to_owned()),
            ..all.clone()
        };
        assert_eq!(tasks(&store, &prefix("web-")).await, [4, 2, 1]);
        assert_eq!(tasks(&store, &prefix("web_")).await, [5]);
        assert_eq!(tasks(&store, &prefix("batch%")).await, [3]);
        assert_eq!(tasks(&store, &prefix("")).await, [5, 4, 3, 2, 1]);
    }
}

#[tokio::test]
async fn a_task_id_that_returned_names_its_latest_start() {
    for site in Site::all() {
        let store = site.open().await;
        let framework = sample::framework_key("a", "one");
        let key = TaskKey {
            framework: framework.clone(),
            task: TaskId::from("t"),
        };
        assert_eq!(store.task(&cell(), &key).await.unwrap(), None);
        let latest = sample::plain_task(framework.clone(), "t", 2);
        let first = sample::ended_task(framework, "t", 1);
        let payload = Record::Payload(latest.launch, vec![1, 2].into());
        let records = [&first, &latest].map(|row| Record::Task(Box::new(row.clone())));
        fill(&store, records.into_iter().chain([payload]).collect()).await;
        assert_eq!(
            store.task(&cell(), &key).await.unwrap(),
            Some(latest.clone())
        );
        let payload = store.task_payload(&cell(), latest.launch).await.unwrap();
        assert_eq!(payload.as_deref(), Some(&[1, 2][..]));
        assert_eq!(
            store.task_payload(&cell(), first.launch).await.unwrap(),
            None
        );
    }
}

#[tokio::test]
async fn every_list_says_which_commit_it_is_as_of_and_where_it_goes_on() {
    for site in Site::all() {
        let store = site.open().await;
        let key = sample::framework_key;
        let keys = [key("a", "x"), key("a", "y"), key("b", "x")];
        let frameworks = keys
            .clone()
            .map(|key| Record::Framework(sample::full_framework(key).into()));
        let agents = ["1", "2", "3"].map(|id| Record::Agent(sample::full_agent(id).into()));
        let roles = ["a", "a/x", "b"].map(|path| Record::Role(sample::role(path)));
        let requests = [("a", "1"), ("a", "2"), ("b", "1")]
            .map(|(tenant, task)| Record::Request(sample::full_request(tenant, task).into()));
        let records = frameworks
            .into_iter()
            .chain(agents)
            .chain(roles)
            .chain(requests);
        let as_of = fill(&store, records.collect()).await;

        let cell = cell();
        let page = store
            .frameworks(&cell, None, Some(&keys[0]), 1)
            .await
            .unwrap();
        assert_eq!(page.rows, [sample::full_framework(keys[1].clone())]);
        assert_eq!((page.more, page.as_of), (true, as_of));
        let tenant = TenantId::from("a");
        let page = store
            .frameworks(&cell, Some(&tenant), None, 10)
            .await
            .unwrap();
        assert_eq!((page.rows.len(), page.more), (2, false));

        let page = store.agents(&cell, Some(&"1".into()), 1).await.unwrap();
        assert_eq!(page.rows, [sample::full_agent("2")]);
        assert_eq!((page.more, page.as_of), (true, as_of));

        let page = store.roles(&cell, Some("a"), 2).await.unwrap();
        assert_eq!(page.rows, [sample::role("a/x"), sample::role("b")]);
        assert_eq!((page.more, page.as_of), (false, as_of));

        let first = TaskId::from("1");
        let page = store
            .requests(&cell, Some(&tenant), Some((&tenant, &first)), 5)
            .await
            .unwrap();
        assert_eq!(page.rows, [sample::full_request("a", "2")]);
        assert_eq!((page.more, page.as_of), (false, as_of));
        let request = store.request(&cell, &tenant, &first).await.unwrap();
        assert_eq!(request, Some(sample::full_request("a", "1")));
    }
}

#[tokio::test]
async fn requests_that_wait_are_listed_apart() {
    for site in Site::all() {
        let store = site.open().await;
        let withdrawn = RequestRow {
            withdrawn_at: Some(Time(9)),
            ..sample::plain_request("a", "web-0")
        };
        let rows = [
            sample::plain_request("a", "web-1"),
            sample::plain_request("a", "web_2"),
            sample::plain_request("a", "web-3"),
            sample::full_request("a", "web-4"),
            sample::plain_request("b", "web-5"),
            withdrawn,
        ];
        let records = rows.map(|row| Record::Request(Box::new(row)));
        fill(&store, records.into()).await;

        let (cell, tenant) = (cell(), TenantId::from("a"));
        let waiting = async |prefix: &str, after: Option<&str>| {
            let after = after.map(TaskId::from);
            let page = store.waiting_requests(&cell, &tenant, prefix, after.as_ref(), 1);
            let page = page.await.unwrap();
            let ids = page.rows.into_iter().map(|row| row.request.task);
            (ids.collect::<Vec<_>>(), page.more)
        };
        let one = |task: &str| vec![TaskId::from(task)];
        assert_eq!(waiting("", None).await, (one("web-1"), true));
        assert_eq!(waiting("", Some("web-3")).await, (one("web_2"), false));
        assert_eq!(waiting("web-", Some("web-1")).await, (one("web-3"), false));
        assert_eq!(waiting("x", None).await, (Vec::new(), false));
    }
}

#[tokio::test]
async fn a_withdrawn_request_is_history_and_history_is_bounded() {
    for site in Site::all() {
        let store = site.open().await;
        let withdrawn = |task: &str, at: u64| {
            let row = sample::plain_request("a", task);
            Record::Request(Box::new(RequestRow {
                withdrawn_at: Some(Time(at)),
                ..row
            }))
        };
        let waiting = Record::Request(Box::new(sample::plain_request("a", "waiting")));
        fill(
            &store,
            vec![withdrawn("old", 1), withdrawn("new", 2), waiting],
        )
        .await;

        let loaded: Vec<_> = store.load(&cell()).await.unwrap().requests;
        let names: Vec<_> = loaded.iter().map(|row| row.request.task.as_str()).collect();
        assert_eq!(names, ["waiting"]);
        let shown = store
            .request(&cell(), &"a".into(), &"old".into())
            .await
            .unwrap();
        assert_eq!(shown.and_then(|row| row.withdrawn_at), Some(Time(1)));

        let retention = Retention {
            tasks_per_framework: 1,
            ..Retention::default()
        };
        assert_eq!(store.prune(&cell(), retention).await.unwrap(), 1);
        assert_eq!(
            store
                .request(&cell(), &"a".into(), &"old".into())
                .await
                .unwrap(),
            None
        );
        assert!(
            store
                .request(&cell(), &"a".into(), &"new".into())
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test]
async fn history_keeps_the_newest_of_each_framework_and_everything_that_lives() {
    for site in Site::all() {
        let store = site.open().await;
        let kept = sample::framework_key("a", "kept");
        let removed = |number: u64| {
            let key = sample::framework_key("a", &format!("removed-{number}"));
            let state = FrameworkState::Removed { at: Time(number) };
            FrameworkRow {
                state,
                ..sample::plain_framework(key)
            }
        };
        let mut records = vec![Record::Framework(
            sample::plain_framework(kept.clone()).into(),
        )];
        records.push(Record::Task(
            sample::full_task(kept.clone(), "live", 1).into(),
        ));
        for number in 2..8 {
            let row: TaskRow = sample::ended_task(kept.clone(), "ended", number);
            records.push(Record::Payload(row.launch, vec![7].into()));
            records.push(Record::Task(row.into()));
        }
        for number in 1..4 {
            let row = removed(number);
            records.push(Record::Task(
                sample::ended_task(row.key.clone(), "old", 10 + number).into(),
            ));
            records.push(Record::Framework(row.into()));
        }
        fill(&store, records).await;

        let retention = Retention {
            tasks_per_framework: 4,
            removed_frameworks: 1,
            age_max: None,
            slice: 3,
        };
        assert_eq!(store.prune(&cell(), retention).await.unwrap(), 4);
        assert_eq!(store.prune(&cell(), retention).await.unwrap(), 0);
        // Of the removed frameworks only the one removed last, number 3, keeps its task.
        assert_eq!(
            tasks(&store, &TaskFilter::default()).await,
            [13, 7, 6, 5, 4, 1]
        );
        assert_eq!(
            store
                .task_payload(&cell(), sample::launch(2))
                .await
                .unwrap(),
            None
        );
        assert!(
            store
                .task_payload(&cell(), sample::launch(7))
                .await
                .unwrap()
                .is_some()
        );
        // Their ids are never accepted again, so the rows of removed frameworks stay.
        let page = store.frameworks(&cell(), None, None, 10).await.unwrap();
        assert_eq!(page.rows.len(), 4);
    }
}

#[tokio::test]
async fn a_partition_lists_its_cells() {
    for site in Site::all() {
        let store = site.open().await;
        assert_eq!(store.cells(PARTITION).await.unwrap(), [cell()]);
        assert_eq!(store.cells(insula_types::PartitionId(9)).await.unwrap(), []);
    }
}
