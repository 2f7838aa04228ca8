//! What is forgotten with time.

use std::time::SystemTime;

use insula_store::{InputMark, Retention, TaskFilter};
use insula_types::membership::{Beat, ReplicaState};
use insula_types::record::Record;
use insula_types::{PartitionId, Span, Time};

use crate::sample;
use crate::server::Database;
use crate::site::{PARTITION, Site, cell, fill, open, take};

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Time(Span::from(since.unwrap()).0)
}

#[tokio::test]
async fn a_task_that_ended_long_ago_is_forgotten() {
    for site in Site::all() {
        let store = site.open().await;
        let key = sample::framework_key("a", "one");
        let (hour, two_hours) = (Span::from_secs(3_600), Span::from_secs(7_200));
        let ages = [(1, two_hours), (2, Span::from_secs(60)), (3, two_hours)];
        let mut records: Vec<_> = ages
            .into_iter()
            .map(|(number, age)| {
                let mut task = sample::ended_task(key.clone(), "t", number);
                task.times.ended = Some(now() - age);
                Record::Task(Box::new(task))
            })
            .collect();
        let alive = sample::plain_task(key, "alive", 4);
        records.push(Record::Task(Box::new(alive)));
        fill(&store, records).await;

        let for_ever = Retention::default();
        assert_eq!(store.prune(&cell(), for_ever).await.unwrap(), 0);
        let retention = Retention {
            age_max: Some(hour),
            ..for_ever
        };
        assert_eq!(store.prune(&cell(), retention).await.unwrap(), 2);
        let filter = TaskFilter::default();
        let page = store.tasks(&cell(), &filter, None, 10).await.unwrap();
        let left: Vec<_> = page.rows.iter().map(|task| task.launch.number).collect();
        assert_eq!(left, [4, 2]);
    }
}

fn mark(replica: &str, link: u64) -> InputMark {
    InputMark {
        sender: format!("{replica}.{link}"),
        seq: link,
    }
}

#[tokio::test]
async fn the_marks_of_replicas_that_are_gone_and_of_links_of_old_are_forgotten() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let [known, gone] =
        ["1", "2"].map(|digit| format!("{}-0000-0000-0000-{}", digit.repeat(8), digit.repeat(12)));
    let beat = Beat {
        replica: known.as_str().into(),
        advertise: "a.example:5050".to_owned(),
        version: "1".to_owned(),
        state: ReplicaState::Ready,
        ttl: Span::from_secs(600),
        hold: vec![],
    };
    store.beat(&beat).await.unwrap();
    let owner = take(&store).await;
    let mut marks: Vec<_> = (1..=20).map(|link| mark(&known, link)).collect();
    marks.push(mark(&gone, 1));
    let other = InputMark {
        sender: "no replica's link".to_owned(),
        seq: 1,
    };
    marks.push(other.clone());
    store
        .commit(PARTITION, owner.epoch, owner.commit_no, &[], &marks)
        .await
        .unwrap();

    assert_eq!(store.prune_marks(PartitionId(1)).await.unwrap(), 0);
    assert_eq!(store.prune_marks(PARTITION).await.unwrap(), 5);
    assert_eq!(store.prune_marks(PARTITION).await.unwrap(), 0);
    let left = store.input_marks(PARTITION).await.unwrap();
    let mut expected: Vec<_> = (5..=20).map(|link| mark(&known, link)).collect();
    expected.push(other);
    expected.sort();
    assert_eq!(left, expected);
}
