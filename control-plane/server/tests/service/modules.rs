//! Uploading, listing, removing and fetching modules.

use http::Method;
use insula_client::api::{Module, ModuleKind};
use serde_json::json;
use tonic::Code;

use crate::support::Plane;

const COMMAND: &str = r#"(module (func (export "_start")))"#;

async fn push(plane: &Plane, name: &str, wat: &str) -> Module {
    let bytes = wat::parse_str(wat).unwrap();
    plane.client.push_module(name, bytes.into()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_is_pushed_listed_and_removed() {
    let plane = Plane::start().await;
    let first = push(&plane, "one", COMMAND).await;
    assert_eq!((first.kind, first.existed), (ModuleKind::Core, false));
    assert!(first.digest.starts_with("sha256:"), "{}", first.digest);
    let again = push(&plane, "two", COMMAND).await;
    assert!(again.existed);
    assert_eq!(again.digest, first.digest);
    let listed = plane.client.modules().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].name.as_str(), listed[0].size),
        ("two", first.size)
    );
    plane.client.remove_module(&first.digest).await.unwrap();
    assert!(plane.client.modules().await.unwrap().is_empty());
    let path = format!("/v1/modules/{}", first.digest);
    let gone = plane.call(Method::DELETE, &path, &[], "").await.failure();
    assert_eq!((gone.0, gone.1.as_str()), (404, "not_found"));
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_refused_with_the_reason() {
    let plane = Plane::start().await;
    let cases: [(Vec<u8>, &str); 3] = [
        (
            b"#!/bin/sh".to_vec(),
            "the file is not a Wasm module: it does not begin with the Wasm header",
        ),
        (
            wat::parse_str(r#"(module (import "env" "f" (func)) (func (export "_start")))"#)
                .unwrap(),
            "the module imports `env.f`, which Insula does not provide; build it for WASI preview 1 or WASI 0.2",
        ),
        (
            wat::parse_str("(module)").unwrap(),
            "the module exports no `_start`; build it as a command, not as a library",
        ),
    ];
    for (bytes, sentence) in cases {
        let answer = plane
            .call(Method::PUT, "/v1/modules?name=x", &[], bytes)
            .await;
        let expected = (400, "invalid_argument".to_owned(), sentence.to_owned());
        assert_eq!(answer.failure(), expected);
    }
    let long = format!("/v1/modules?name={}", "x".repeat(256));
    let bytes = wat::parse_str(COMMAND).unwrap();
    assert_eq!(plane.call(Method::PUT, &long, &[], bytes).await.status, 400);
    let listed = plane.get("/v1/modules?cursor=zebra").await;
    assert_eq!(listed.failure().1, "invalid_argument");
    assert!(plane.client.modules().await.unwrap().is_empty());
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_fetches_the_modules_of_tenants_whose_tasks_it_has() {
    let plane = Plane::start().await;
    // Large enough for several chunks.
    let data = "x".repeat(600 << 10);
    let wat = format!(r#"(module (memory 16) (data "{data}") (func (export "_start")))"#);
    let module = push(&plane, "large", &wat).await;
    let mut agent = plane.agent().await;
    let early = agent.fetch(&module.digest, "default").await.unwrap_err();
    assert_eq!(early.code(), Code::PermissionDenied);

    let id = plane
        .submit(json!({"run": {"module": {"digest": module.digest, "args": ["a"]}}}))
        .await;
    let launch = agent.runs().await;
    let bytes = agent.fetch(&module.digest, "default").await.unwrap();
    assert_eq!(bytes, wat::parse_str(&wat).unwrap());
    let foreign = agent.fetch(&module.digest, "other").await.unwrap_err();
    assert_eq!(foreign.code(), Code::PermissionDenied);
    let unknown = format!("sha256:{}", "0".repeat(64));
    let unknown = agent.fetch(&unknown, "default").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let nonsense = agent.fetch("zebra", "default").await.unwrap_err();
    assert_eq!(nonsense.code(), Code::InvalidArgument);

    agent.finishes(&launch).await;
    assert_eq!(plane.done(&id).await.kind, "wasm");
    plane.stop().await;
}
