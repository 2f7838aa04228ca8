//! What others may do to the socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use insula_agent::shepherd::{Event, Request};

use crate::agent::{Agent, trace};

fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

#[tokio::test]
async fn nonsense_is_refused_and_harms_nobody() {
    let mut agent = Agent::new("nonsense");
    let welcome = agent.welcome().await;
    let task = agent.start(agent.shell("a", "sleep 1000")).await;
    let path = agent.options.dir.join("shepherd.sock");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    // A newcomer takes the agent's place.
    let mut stream = UnixStream::connect(&path).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    stream
        .write_all(b"{\"hello\":{\"version\":1}}\nnonsense\n")
        .unwrap();
    assert!(line(&mut reader).starts_with("{\"welcome\""));
    let refused: Event = serde_json::from_str(&line(&mut reader)).unwrap();
    assert!(
        matches!(refused, Event::Refused { because, .. } if because.starts_with("the request is malformed"))
    );

    // A line without end: the connection is given up, maybe before all of it was written.
    let endless = stream.write_all(&vec![b'x'; 4 << 20]);
    assert_eq!(line(&mut reader), "");
    drop(endless);

    let again = agent.welcome().await;
    assert_eq!(again.shepherd, welcome.shepherd);
    assert_eq!(
        again.tasks,
        [insula_agent::shepherd::TaskState::Started(task)]
    );
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn an_id_of_no_bytes_or_too_many_is_refused() {
    let mut agent = Agent::new("ids");
    let welcome = agent.welcome().await;
    for id in [String::new(), "x".repeat(257)] {
        let mut spec = agent.shell("a", "true");
        spec.id = id;
        agent.send(Request::Start(Box::new(spec)));
        let state = agent.state().await;
        assert!(
            matches!(state, insula_agent::shepherd::TaskState::StartFailed(_)),
            "{state:?}"
        );
    }
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn a_long_directory_name_does_not_matter() {
    let mut agent = Agent::with("long", |options| {
        options.dir = options.dir.join("x".repeat(120));
    });
    let welcome = agent.welcome().await;
    agent.send(Request::Kill {
        id: "none".to_owned(),
        grace_ms: 0,
        trace: trace(),
    });
    assert_eq!(
        agent.event().await,
        Event::Unknown {
            id: "none".to_owned(),
            trace: trace(),
        }
    );
    agent.shut_down(&welcome.shepherd).await;
}
