//! Who is let in, and who only pretends.

use crate::support::{Answer, Call, Identity, Service, basic, shell, soon, submit};

/// One path of each interface, and one that is forwarded.
const PATHS: [&str; 5] = [
    "/v1/tasks",
    "/v1/offers",
    "/v1/nothing",
    "/state",
    "/api/v1/scheduler",
];

/// What a replica would say of a request that it forwards.
fn pretending(call: Call) -> Call {
    call.header("insula-forwarded-tenant", "default")
        .header("insula-forwarded-cell", "east")
        .header("insula-forwarded-admin", "true")
        .header("insula-forwarded-hops", "1")
}

fn is_unauthenticated(answer: &Answer) -> bool {
    answer.status == 401
        && answer
            .header("www-authenticate")
            .starts_with("Basic realm=")
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operators_credential_opens_any_interface() {
    let Some(service) = Service::new().await else {
        return;
    };
    let replica = service.replica().await;
    service.until_owned_by(&replica, &replica).await;
    let address = replica.address().to_string();
    let (principal, secret) = (&service.credential.principal, &service.credential.secret);
    let wrong = [
        basic(principal, "another-secret-altogether"),
        basic("somebody", secret),
        "Bearer another-secret-altogether".to_owned(),
        format!("Digest {secret}"),
    ];
    for path in PATHS.iter().filter(|path| **path != "/v1/nothing") {
        for call in [Call::to(&address), Call::to(&address).plain()] {
            let nothing = call.get(path).await;
            assert!(is_unauthenticated(&nothing), "{path}: {nothing:?}");
            let pretended = pretending(call.clone()).get(path).await;
            assert!(is_unauthenticated(&pretended), "{path}: {pretended:?}");
            for authorization in &wrong {
                let refused = call.clone().header("authorization", authorization);
                let refused = refused.get(path).await;
                assert!(is_unauthenticated(&refused), "{path}: {refused:?}");
            }
            let right = call.header("authorization", &basic(principal, secret));
            let right = right.get(path).await;
            assert!(
                ![401, 403].contains(&right.status.as_u16()),
                "{path}: {right:?}"
            );
        }
    }
    let realm = Call::to(&address).post("/api/v1/scheduler", "{}").await;
    assert_eq!(
        realm.header("www-authenticate"),
        "Basic realm=\"mesos-master-scheduler\""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_no_operator_and_no_replica() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (_owner, other) = service.two().await;
    let client = service.client(&other);
    let identity: Identity = service.machine(&client, &other).await;
    let agent = Call::to(&other.address().to_string()).by(&identity);
    for path in PATHS.iter().filter(|path| **path != "/v1/nothing") {
        // Not even beside the operator's credential: the connection is the agent's.
        for call in [
            agent.clone(),
            agent.clone().bearer(&service.credential.secret),
        ] {
            let refused = pretending(call).get(path).await;
            assert_eq!(refused.status, 403, "{path}: {refused:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outsider_says_in_a_replicas_headers_means_nothing() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (_owner, other) = service.two().await;
    let id = submit(&service.client(&other), shell()).await;
    // There is no cell `east`: whoever was believed would be told so.
    let call = pretending(service.call(&other));
    let answer = call.get("/v1/tasks").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.text.contains(&id));
    // Nor does it count as forwarded already, or as sent to this replica's own agents.
    let call = pretending(service.call(&other))
        .header("insula-forwarded-hops", "2")
        .header("insula-forwarded-agent", "agent-1")
        .header("insula-forwarded-launch", "19a.42");
    let why = call.get(&format!("/v1/tasks/{id}/why")).await;
    assert_eq!(why.status, 200, "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_need_no_credential_and_tell_nothing() {
    let Some(service) = Service::new().await else {
        return;
    };
    let replica = service.replica().await;
    let probe = Call::to(&replica.address().to_string());
    for path in ["/health", "/ready"] {
        let answer = probe.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (200, ""),
            "{path}"
        );
    }
    soon(replica.drain()).await.unwrap();
}
