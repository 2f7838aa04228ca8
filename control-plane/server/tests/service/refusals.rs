//! Everything that is wrong with a request is said: with a code, a status and a sentence.

use http::Method;
use serde_json::json;

use crate::support::{Plane, shell};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_submission_is_refused_with_the_reason() {
    let plane = Plane::start().await;
    let unknown_module = format!("sha256:{}", "0".repeat(64));
    for (task, status, sentence) in [
        (
            json!({"run": {"shell": "x"}, "nmae": "a"}),
            400,
            "unknown field `nmae`",
        ),
        (
            json!({"run": {"module": {"digest": "d", "arg": []}}}),
            400,
            "unknown field `arg`",
        ),
        (json!({"run": {"fly": "x"}}), 400, "unknown variant `fly`"),
        (json!({"run": {"shell": 7}}), 400, "invalid type"),
        (json!({}), 400, "missing field `run`"),
        (json!({"run": {"command": []}}), 400, "the command is empty"),
        (
            json!({"run": {"shell": "x"}, "resources": "cpus"}),
            400,
            "'cpus' is not of the form name:value",
        ),
        (
            json!({"run": {"shell": "x"}, "resources": "cpus:-1"}),
            400,
            "'-1' is not an amount of cpus",
        ),
        (
            json!({"run": {"shell": "x"}, "resources": "mem:0"}),
            400,
            "a task needs some mem",
        ),
        (
            json!({"run": {"shell": "x"}, "name": "../../etc"}),
            400,
            "is no name for a task",
        ),
        (
            json!({"run": {"shell": "x"}, "count": 1001}),
            413,
            "one submission may hold 1000 tasks",
        ),
        (
            json!({"run": {"shell": "x"}, "count": 4_000_000_000_u32}),
            413,
            "one submission may hold 1000 tasks",
        ),
        (
            json!({"run": {"shell": "x".repeat(100_000)}, "count": 999}),
            413,
            "bytes together",
        ),
        (
            json!({"run": {"command": vec!["x".repeat(100_000); 3]}}),
            413,
            "more than the limit of 262144",
        ),
        (
            json!({"run": {"module": {"digest": unknown_module}}}),
            404,
            "there is no module sha256:",
        ),
        (
            json!({"run": {"module": {"digest": "zebra"}}}),
            400,
            "zebra",
        ),
    ] {
        let body = json!({"tasks": [shell(), task]}).to_string();
        let (got, _, message) = plane.post("/v1/tasks", &body).await.failure();
        assert_eq!(got, status, "{message}");
        assert!(message.contains(sentence), "{message}");
    }
    let listed = plane.client.tasks(&Default::default()).await.unwrap();
    assert!(listed.is_empty(), "all tasks are taken or none");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_document_is_refused_with_the_reason() {
    let plane = Plane::start().await;
    for (path, body, status, sentence) in [
        ("/v1/tasks", "", 400, "the request is not understood"),
        ("/v1/tasks", "[1", 400, "the request is not understood"),
        (
            "/v1/tasks",
            r#"{"tasks":[]}"#,
            400,
            "the submission holds no task",
        ),
        ("/v1/tasks", r#"{"tasks":{}}"#, 400, "invalid type"),
        (
            "/v1/tasks/x/kill",
            r#"{"grace":1}"#,
            400,
            "unknown field `grace`",
        ),
        (
            "/v1/tasks/x/kill",
            r#"{"grace_seconds":-1}"#,
            400,
            "is no grace period",
        ),
        ("/v1/tasks/x/kill", "{}", 404, "there is no task 'x'"),
        (
            "/v1/tokens",
            r#"{"uses":0}"#,
            400,
            "a token is for 1 to 10000 machines",
        ),
        ("/v1/tokens", r#"{"uses":-1}"#, 400, "invalid value"),
        (
            "/v1/tokens",
            r#"{"valid_seconds":99999999}"#,
            400,
            "a token is valid for 1 to 2592000 seconds",
        ),
    ] {
        let (got, _, message) = plane.post(path, body).await.failure();
        assert_eq!(got, status, "{path} {body}: {message}");
        assert!(message.contains(sentence), "{path} {body}: {message}");
    }
    let large = " ".repeat((4 << 20) + 1);
    let (status, code, message) = plane.post("/v1/tasks", &large).await.failure();
    assert_eq!((status, code.as_str()), (413, "too_large"));
    assert_eq!(
        message,
        "the request is larger than the limit of 4194304 bytes"
    );
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_path_or_query_is_refused_with_the_reason() {
    let plane = Plane::start().await;
    for (path, status, sentence) in [
        ("/v1/tasks?al=true", 400, "unknown field `al`"),
        ("/v1/tasks?all=perhaps", 400, "the query is not understood"),
        (
            "/v1/tasks?cursor=zebra",
            400,
            "the cursor is not understood",
        ),
        (
            "/v1/offers?cursor=zebra",
            400,
            "the cursor is not understood",
        ),
        ("/v1/events?tail=-1", 400, "the query is not understood"),
        ("/v1/tasks/x?wait=-1", 400, "-1 is no time to wait"),
        ("/v1/tasks/x?wait=NaN", 400, "NaN is no time to wait"),
        ("/v1/tasks/x?wait=1e300", 404, "there is no task 'x'"),
        ("/v1/tasks/x", 404, "there is no task 'x'"),
        ("/v1/tasks/%FF", 400, "the path is not understood"),
        ("/v1/tasks/a%2Fb", 404, "there is no task 'a/b'"),
        ("/v1/tasks/x/why", 404, "there is no task 'x'"),
        ("/v1/tasks/x/trace", 404, "there is no task 'x'"),
        (
            "/v1/tasks/x/trace?attempt=-1",
            400,
            "the query is not understood",
        ),
        ("/v1/tasks/x/output/stdout", 404, "there is no task 'x'"),
        (
            "/v1/tasks/x/output/other",
            404,
            "a task has stdout and stderr",
        ),
        ("/v1", 404, "there is no GET /v1 in this API"),
        ("/v1/", 404, "there is no GET /v1/ in this API"),
        (
            "/v1/machines",
            404,
            "there is no GET /v1/machines in this API",
        ),
        ("/v1/tokens", 404, "there is no GET /v1/tokens in this API"),
    ] {
        let (got, _, message) = plane.get(path).await.failure();
        assert_eq!(got, status, "{path}: {message}");
        assert!(message.contains(sentence), "{path}: {message}");
    }
    let patch = Method::from_bytes(b"PATCH").unwrap();
    for path in ["/v1/tasks", "/v1/nothing"] {
        let answer = plane.call(patch.clone(), path, &[], "").await.failure();
        let sentence = format!("there is no PATCH {path} in this API");
        assert_eq!(answer, (404, "not_found".to_owned(), sentence));
    }
    plane.stop().await;
}
