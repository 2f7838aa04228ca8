//! Joining with a token.

use std::path::Path;

use insula_proto::insula::agent::v1::{
    EnrollRequest, EnrollResponse, FetchModuleRequest, ReceiveInputRequest,
};
use insula_server::authority::NamedAgent;
use insula_store::Store;
use insula_types::{AgentId, Span, Time};
use tonic::{Code, Status};

use crate::support::{Agent, Identity, Plane, Stranger, soon, strange_client};

async fn enroll(plane: &Plane, request: EnrollRequest) -> Result<EnrollResponse, Status> {
    let mut client = strange_client(&plane.server.address().to_string()).await;
    let answer = soon(client.enroll(request)).await?;
    Ok(answer.into_inner())
}

fn refused(code: Code, sentence: &str, result: Result<EnrollResponse, Status>) {
    let status = result.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, sentence));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_traded_for_a_certificate_once() {
    let plane = Plane::start().await;
    let token = plane.token().await;
    let first = enroll(&plane, Stranger::new().request(&token))
        .await
        .unwrap();
    let named = NamedAgent::of(&first.certificate).unwrap();
    assert_eq!(named.agent.as_str(), first.agent_id);
    assert_ne!(first.agent_id, "admin", "the id is ours");
    let again = enroll(&plane, Stranger::new().request(&token)).await;
    let sentence = "the join token has been used already; ask for a new one";
    refused(Code::PermissionDenied, sentence, again);
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_several_machines_lets_so_many_in() {
    let plane = Plane::start().await;
    let token = plane.server.token(3, Span::from_secs(60)).await.unwrap();
    let join = || async { enroll(&plane, Stranger::new().request(&token)).await };
    let joined = tokio::join!(join(), join(), join(), join(), join());
    let joined = [joined.0, joined.1, joined.2, joined.3, joined.4];
    assert_eq!(joined.iter().filter(|result| result.is_ok()).count(), 3);
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expired_or_never_was_lets_nobody_in() {
    let plane = Plane::start().await;
    let expired = plane.server.token(1, Span::ZERO).await.unwrap();
    let sentence = "the join token has expired; ask for a new one";
    let result = enroll(&plane, Stranger::new().request(&expired)).await;
    refused(Code::PermissionDenied, sentence, result);
    let mut unknown = plane.token().await;
    unknown.secret.push('x');
    let sentence = "the join token is not known here; ask for a new one";
    let result = enroll(&plane, Stranger::new().request(&unknown)).await;
    refused(Code::PermissionDenied, sentence, result);
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_does_not_spend_the_token() {
    let plane = Plane::start().await;
    let token = plane.token().await;
    let good = Stranger::new().request(&token);
    let mut damaged = good.certificate_request.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let bad = [
        ("the certificate signing request is not valid", damaged),
        ("the certificate signing request is not valid", Vec::new()),
        (
            "the certificate signing request is too long",
            vec![0; 9_000],
        ),
    ];
    for (sentence, certificate_request) in bad {
        let request = EnrollRequest {
            certificate_request: certificate_request.into(),
            ..good.clone()
        };
        refused(
            Code::InvalidArgument,
            sentence,
            enroll(&plane, request).await,
        );
    }
    let nowhere = EnrollRequest {
        checkpoint_id: "../elsewhere".to_owned(),
        ..good.clone()
    };
    let status = enroll(&plane, nowhere).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let huge = EnrollRequest {
        hostname: "x".repeat(1 << 20),
        ..good.clone()
    };
    assert!(enroll(&plane, huge).await.is_err(), "a stranger is bounded");
    assert!(enroll(&plane, good).await.is_ok());
    plane.stop().await;
}

/// What each call but `Enroll` is answered.
async fn answers(
    client: &mut insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient<
        tonic::transport::Channel,
    >,
) -> Vec<Status> {
    let nothing = tokio_stream::empty::<insula_proto::insula::agent::v1::FromAgent>;
    let no_chunks = tokio_stream::empty::<insula_proto::insula::agent::v1::OutputChunk>;
    vec![
        soon(client.session(nothing())).await.map(drop).unwrap_err(),
        soon(client.fetch_module(FetchModuleRequest::default()))
            .await
            .map(drop)
            .unwrap_err(),
        soon(client.send_output(no_chunks()))
            .await
            .map(drop)
            .unwrap_err(),
        soon(client.receive_input(ReceiveInputRequest::default()))
            .await
            .map(drop)
            .unwrap_err(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_one_may_only_enroll() {
    let plane = Plane::start().await;
    let mut client = strange_client(&plane.server.address().to_string()).await;
    for status in answers(&mut client).await {
        assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    }
    plane.stop().await;
}

async fn revoke(directory: &Path, agent: &str) {
    let options = insula_store::Options::default();
    let store = Store::open(directory, options).await.unwrap();
    assert!(store.revoke(&AgentId::from(agent), Time(1)).await.unwrap());
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_agent_is_refused_at_every_call() {
    let plane = Plane::start().await;
    let mut identity = Identity::enroll(&plane.token().await).await.unwrap();
    drop(Agent::register(&identity).await);
    let directory = plane.stop().await;
    revoke(directory.path(), &identity.agent).await;
    let plane = Plane::over(directory).await;
    identity.address = plane.server.address().to_string();
    for status in answers(&mut identity.client().await).await {
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
        let sentence = format!("agent {} was revoked", identity.agent);
        assert_eq!(status.message(), sentence);
    }
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_another_store_is_not_known() {
    let elsewhere = Plane::start().await;
    let identity = Identity::enroll(&elsewhere.token().await).await.unwrap();
    let token = elsewhere.token().await;
    drop(elsewhere);
    let plane = Plane::start().await;
    // The organization's authority is made anew with the store, so not even the handshake succeeds.
    let lost = Identity {
        address: plane.server.address().to_string(),
        ..identity
    };
    let mut client = lost.client().await;
    assert!(
        soon(client.receive_input(ReceiveInputRequest::default()))
            .await
            .is_err()
    );
    let result = enroll(&plane, Stranger::new().request(&token)).await;
    let sentence = "the join token is not known here; ask for a new one";
    refused(Code::PermissionDenied, sentence, result);
    plane.stop().await;
}
