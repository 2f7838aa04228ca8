//! One port: TLS and plain text, clients and web pages, and bytes that mean nothing.

use http::Method;
use insula_client::api::MakeToken;
use insula_server::authority::Authority;
use insula_server::{Server, StartError};
use insula_types::AgentId;
use rcgen::{CertificateParams, KeyPair};
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Identity, Plane, options, soon, tls_to};

const GET: &[u8] = b"GET /v1/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_byte_tells_tls_from_plain_text() {
    let plane = Plane::start().await;
    let plain = plane.exchange(GET).await;
    assert!(plain.starts_with("HTTP/1.1 200 OK\r\n"), "{plain}");

    let address = plane.server.address().to_string();
    let mut stream = tls_to(&address, None, b"http/1.1").await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut answer = String::new();
    let _closed = soon(stream.read_to_string(&mut answer)).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains(r#""code":"unauthenticated""#), "{answer}");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_is_kept_out_of_every_interface() {
    let plane = Plane::start().await;
    let grpc = "/insula.agent.v1.AgentService/Enroll";
    for (method, path) in [
        (Method::GET, "/v1/version"),
        (Method::POST, "/v1/tasks"),
        (Method::GET, "/v1/nothing"),
        (Method::GET, "/state"),
        (Method::POST, "/api/v1/scheduler"),
        (Method::POST, grpc),
        (Method::GET, "/"),
    ] {
        for header in [("origin", "http://localhost"), ("host", "evil.example")] {
            let answer = plane.call(method.clone(), path, &[header], "{}").await;
            assert_eq!(answer.status, 403, "{path} with {header:?}");
            if path.starts_with("/v1/") {
                assert_eq!(answer.failure().1, "permission_denied");
            }
        }
    }
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused_in_the_handshake() {
    let plane = Plane::start().await;
    let foreign = Authority::generate("organization default", SystemTime::now()).unwrap();
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::new(Vec::new()).unwrap();
    let request = request.serialize_request(&key).unwrap();
    let agent = AgentId::from("impostor");
    let certificate = foreign
        .sign_agent(request.der(), &agent, SystemTime::now())
        .unwrap();
    let impostor = Identity {
        address: plane.server.address().to_string(),
        agent: agent.to_string(),
        checkpoint: "x".to_owned(),
        certificate: certificate.to_vec(),
        key: key.serialize_der(),
    };
    // With TLS 1.3 the client learns of it when it first reads.
    let failed = match tls_to(&impostor.address, Some(&impostor), b"http/1.1").await {
        Err(error) => error,
        Ok(mut stream) => {
            let _already_refused = stream.write_all(GET).await;
            soon(stream.read_u8()).await.unwrap_err()
        }
    };
    let sentence = failed.to_string();
    assert!(sentence.contains("alert"), "{sentence}");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_certificate_is_no_credential_for_people() {
    let plane = Plane::start().await;
    let identity = Identity::enroll(&plane.token().await).await.unwrap();
    let mut stream = tls_to(&identity.address, Some(&identity), b"http/1.1")
        .await
        .unwrap();
    for path in ["/v1/version", "/state"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: insula\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        soon(stream.read_exact(&mut head)).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 403", "{path}");
        stream = tls_to(&identity.address, Some(&identity), b"http/1.1")
            .await
            .unwrap();
    }
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_silence_harm_nobody() {
    let plane = Plane::start().await;
    let silent = plane.connect().await;
    let mut half = plane.connect().await;
    half.write_all(b"POST /v1/tasks HTTP/1.1\r\nHost: loc")
        .await
        .unwrap();
    let mut body = plane.connect().await;
    body.write_all(b"POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
        .await
        .unwrap();
    // A TLS record that promises more than comes, and an HTTP/2 preface followed by nonsense.
    let mut hello = plane.connect().await;
    hello.write_all(&[22, 3, 1, 0xff, 0xff, 1]).await.unwrap();
    let mut preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    preface.extend([0xff; 64]);
    for garbage in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        &preface,
        &[b'A'; 600_000],
    ] {
        let mut stream = plane.connect().await;
        // The other side may close before all of it is sent.
        let _sent = stream.write_all(garbage).await;
        let answer = crate::support::read_to_end(&mut stream).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    assert_eq!(plane.get("/v1/version").await.status, 200);
    assert!(plane.client.make_token(&MakeToken::default()).await.is_ok());
    drop((silent, half, body, hello));
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_and_a_locked_directory_are_said_in_a_sentence() {
    let plane = Plane::start().await;
    let other = tempfile::tempdir().unwrap();
    let mut taken = options(&other);
    taken.listen = plane.server.address();
    let Err(error @ StartError::Listen(_)) = Server::start(taken).await else {
        panic!("two listen on one port");
    };
    let port = plane.server.address().port();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on 127.0.0.1:{port}: port {port} is taken by another program; stop it or choose another with --listen"
        )
    );
    let listing = std::fs::read_dir(other.path()).unwrap().count();
    assert_eq!(listing, 0, "nothing was changed before the port was open");

    let Err(StartError::Store { source, .. }) = Server::start(options(&plane.directory)).await
    else {
        panic!("two own one directory");
    };
    let sentence = source.to_string();
    assert!(sentence.contains("is in use by process"), "{sentence}");
    plane.stop().await;
}
