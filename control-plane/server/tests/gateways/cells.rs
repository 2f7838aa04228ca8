//! Several cells of one service: each sees its own.

use insula_client::{Error, Listing};
use insula_server::admin::Database;
use insula_types::{CellId, ErrorCode};

use crate::support::{Agent, Call, Service, basic, eventually, shell, soon, submit};

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_is_added_is_served_and_sees_nothing_of_another() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let database = Database::connect(&service.database.url()).await.unwrap();
    database.add_cell(&CellId::from("east")).await.unwrap();
    assert_eq!(database.cells().await.unwrap().len(), 2);
    database.close().await;

    let (default, east) = (
        service.client(&other),
        service.client_of(&other, Some("east")),
    );
    // The owner hears of it within its next look.
    eventually("the new cell is served", async || {
        east.offers().await.is_ok().then_some(())
    })
    .await;
    let of_default = submit(&default, shell()).await;
    let of_east = submit(&east, shell()).await;
    let listed = |tasks: Vec<insula_client::api::Task>| {
        tasks.into_iter().map(|task| task.id).collect::<Vec<_>>()
    };
    let all = Listing::default();
    assert_eq!(
        listed(soon(default.tasks(&all)).await.unwrap()),
        [of_default.as_str()]
    );
    assert_eq!(
        listed(soon(east.tasks(&all)).await.unwrap()),
        [of_east.as_str()]
    );

    // A machine that joins with a token of the one cell gets none of the other's work.
    let identity = service.machine(&east, &owner).await;
    let mut agent = Agent::register(&identity).await;
    assert_eq!(agent.runs().await.task.as_str(), of_east);
    assert!(soon(default.agents()).await.unwrap().is_empty());
    let waiting = soon(default.task(&of_default)).await.unwrap();
    assert_eq!(waiting.launch, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cell_is_named_by_a_header_or_beside_the_principal() {
    let Some(service) = Service::new().await else {
        return;
    };
    let replica = service.replica().await;
    service.until_owned_by(&replica, &replica).await;
    let foreign = service.client_of(&replica, Some("nowhere"));
    match soon(foreign.tasks(&Listing::default())).await {
        Err(Error::Refused(detail, _)) => {
            assert_eq!(detail.code, ErrorCode::NotFound);
            assert_eq!(detail.message, "there is no cell 'nowhere'");
        }
        other => panic!("{other:?}"),
    }
    let address = replica.address().to_string();
    let (principal, secret) = (&service.credential.principal, &service.credential.secret);
    let beside = |cell: &str| {
        let user = format!("{principal}@{cell}");
        Call::to(&address).header("authorization", &basic(&user, secret))
    };
    assert_eq!(beside("default").get("/tasks").await.status, 200);
    let unknown = beside("nowhere").get("/tasks").await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.text.as_str()),
        (404, "there is no cell 'nowhere'")
    );
    let two = beside("default").header("insula-cell", "nowhere");
    assert_eq!(two.get("/v1/tasks").await.status, 400);
}
