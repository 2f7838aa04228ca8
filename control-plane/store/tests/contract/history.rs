//! Archived tasks leave the table of live ones.

use insula_store::TaskFilter;
use insula_types::TaskKey;
use insula_types::record::{Record, TaskRow};
use sqlx::Row;

use crate::sample;
use crate::server::Database;
use crate::site::{Site, cell, commit, take};

async fn counts(database: &Database) -> [i64; 2] {
    let sql = "SELECT (SELECT count(*) FROM task) AS live,
                      (SELECT count(*) FROM task_history) AS archived";
    let mut connection = database.connect().await;
    let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
    [row.get("live"), row.get("archived")]
}

#[tokio::test]
async fn an_archived_task_moves_and_is_found_as_before() {
    let Some(site) = Site::postgres() else { return };
    let Site::Postgres(database) = &site else {
        return;
    };
    let store = site.open().await;
    let owner = take(&store).await;
    let key = sample::framework_key("a", "one");
    let lives: Vec<TaskRow> = (1..4)
        .map(|number| sample::full_task(key.clone(), "t", number))
        .collect();
    let task = |row: &TaskRow| Record::Task(Box::new(row.clone()));
    let payload = Record::Payload(lives[1].launch, vec![7].into());
    let records = lives.iter().map(task).chain([payload]).collect();
    let one = commit(&store, &owner, owner.commit_no, records)
        .await
        .unwrap();
    assert_eq!(counts(database).await, [3, 0]);

    let ended: Vec<TaskRow> = lives[1..]
        .iter()
        .map(|row| TaskRow {
            archived: true,
            ..row.clone()
        })
        .collect();
    let records = ended.iter().map(task).collect();
    let two = commit(&store, &owner, one, records).await.unwrap();
    assert_eq!(counts(database).await, [1, 2]);
    assert_eq!(store.load(&cell()).await.unwrap().tasks, lives[..1]);

    let page = store.tasks(&cell(), &TaskFilter::default(), None, 10).await;
    let page = page.unwrap();
    let all = [&ended[1], &ended[0], &lives[0]].map(Clone::clone);
    assert_eq!((page.rows.as_slice(), page.as_of), (&all[..], two));
    let key = TaskKey {
        framework: key,
        task: "t".into(),
    };
    let latest = store.task(&cell(), &key).await.unwrap();
    assert_eq!(latest.as_ref(), Some(&ended[1]));
    let payload = store.task_payload(&cell(), ended[0].launch).await.unwrap();
    assert_eq!(payload.as_deref(), Some(&[7][..]));
}
