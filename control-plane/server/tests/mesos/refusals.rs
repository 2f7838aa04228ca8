//! What is wrong with a request, in the order in which it is looked for.

use axum::body::Body;
use http::{Request, StatusCode};
use insula_proto::decode::BODY_BYTES_MAX;
use insula_server::front::{Client, Connection, Security};
use tower::ServiceExt;

use super::support::{Answer, Cell, JSON, header, soon};

const PROTOBUF: &str = "Content-Type: application/x-protobuf";
const SUBSCRIBE: &str =
    r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"probe"}}}"#;

#[tokio::test]
async fn malformed_calls_have_the_status_and_sentence_of_mesos() {
    let cell = Cell::start().await;
    let cases: &[(&[&str], &str, u16, &str)] = &[
        (
            &[],
            SUBSCRIBE,
            400,
            "Expecting 'Content-Type' to be present",
        ),
        (
            &["Content-Type: text/plain"],
            SUBSCRIBE,
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ),
        (
            &["Content-Type: application/json; charset=utf-8"],
            SUBSCRIBE,
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ),
        (
            &[JSON],
            "{",
            400,
            "Failed to parse body into JSON: syntax error at line 1 near: ",
        ),
        (
            &[JSON],
            r#"{"type":"SUBSCRIBE","subscribe":{}}"#,
            400,
            "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info",
        ),
        (
            &[JSON],
            r#""string""#,
            400,
            "Failed to convert JSON into Call protobuf: Expecting a JSON object",
        ),
        (
            &[JSON],
            r#"{"type":"SUBSCRIBE","nonsense":1}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'subscribe' to be present",
        ),
        (
            &[JSON],
            r#"{"type":"NONSENSE"}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'type' to be present",
        ),
        (
            &[JSON],
            "{}",
            400,
            "Failed to validate scheduler::Call: Expecting 'type' to be present",
        ),
        (
            &[PROTOBUF],
            "nonsense",
            400,
            "Failed to parse body into Call protobuf",
        ),
        (
            &[JSON, "Accept: foo"],
            SUBSCRIBE,
            406,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        ),
        (
            &[JSON, "Mesos-Stream-Id: x"],
            SUBSCRIBE,
            400,
            "Subscribe calls should not include the 'Mesos-Stream-Id' header",
        ),
        (
            &[JSON],
            r#"{"type":"SUBSCRIBE","framework_id":{"value":"f"},"subscribe":
                {"framework_info":{"user":"root","name":"probe","id":{"value":"g"}}}}"#,
            400,
            "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'",
        ),
        (
            &[JSON, "Mesos-Stream-Id: x"],
            r#"{"type":"REVIVE"}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'framework_id' to be present",
        ),
        (
            &[JSON, "Mesos-Stream-Id: x"],
            r#"{"type":"TEARDOWN","framework_id":{"value":"nobody"}}"#,
            400,
            "Framework cannot be found",
        ),
        (
            &[JSON, "Mesos-Stream-Id: x"],
            r#"{"type":"TEARDOWN","framework_id":{"value":"insula"}}"#,
            400,
            "Framework cannot be found",
        ),
        (
            &[JSON],
            r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"probe"}}}"#,
            400,
            "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info.user",
        ),
        (
            &[JSON, "Content-Encoding: gzip"],
            SUBSCRIBE,
            415,
            "Expecting 'Content-Encoding' to be absent; send the body as it is",
        ),
        (
            &[JSON],
            r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"},
                "offer_constraints":{"role_constraints":{"*":{}}}}}"#,
            501,
            "'subscribe.offer_constraints' is not supported yet; \
             leave it out and decline offers by their attributes",
        ),
    ];
    for (headers, body, status, sentence) in cases {
        let answer = Answer::of(cell.post(headers, *body).await).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (*status, *sentence),
            "{body}"
        );
        assert_eq!(
            header(&answer.headers, "content-type"),
            "text/plain; charset=utf-8"
        );
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_one() {
    let cell = Cell::start().await;
    for (path, method, allowed, sentence) in [
        (
            "/api/v1/scheduler",
            "PUT",
            "POST",
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'PUT'.",
        ),
        (
            "/master/api/v1/scheduler",
            "GET",
            "POST",
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.",
        ),
        (
            "/state",
            "DELETE",
            "GET, HEAD",
            "405 Method Not Allowed. Expecting one of { 'GET', 'HEAD' }, but received 'DELETE'.",
        ),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = cell.send(request.body(Body::empty()).unwrap()).await;
        let answer = Answer::of(answer).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.text(), sentence);
        assert_eq!(header(&answer.headers, "allow"), allowed);
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let cell = Cell::start().await;
    let body = Body::from(vec![b' '; BODY_BYTES_MAX + 1]);
    let announced = Answer::of(cell.post(&[JSON], body).await).await;
    let piece = bytes::Bytes::from(vec![b' '; 1 << 20]);
    let endless = futures::stream::repeat(Ok::<_, std::convert::Infallible>(piece));
    let unannounced = Answer::of(cell.post(&[JSON], Body::from_stream(endless)).await).await;
    for answer in [announced, unannounced] {
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(
            answer.text(),
            "The body exceeds the limit of 16777216 bytes; send it in parts"
        );
    }
}

#[tokio::test]
async fn paths_that_are_nothing_and_paths_that_are_nothing_yet() {
    let cell = Cell::start().await;
    for path in ["/", "/nonsense", "/master/version", "/redirect/x"] {
        let answer = cell.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (404, "404 Not Found."),
            "{path}"
        );
    }
    for path in ["/api/v1", "/master/roles", "/master/teardown"] {
        let answer = cell.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED, "{path}");
        assert!(
            answer.text().contains(" is not supported yet; "),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_caller_without_a_credential_learns_nothing() {
    let cell = Cell::start().await;
    let remote = ([192, 0, 2, 1], 1).into();
    let anonymous = Connection::new(remote, Security::Tls(Client::Stranger));
    for path in ["/api/v1/scheduler", "/state", "/version", "/nonsense"] {
        let mut request = Request::post(path).body(Body::from(SUBSCRIBE)).unwrap();
        request.extensions_mut().insert(anonymous.clone());
        let response = soon(cell.router.clone().oneshot(request)).await.unwrap();
        let answer = Answer::of(response).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.text(), "no credential was given");
    }
}
