//! Tasks that an agent holds and the control plane has no record of.

use insula_types::message::{FromAgent, Registration, TaskReport, ToAgent};
use insula_types::{Epoch, FrameworkKey, LaunchId, TaskState};

use crate::support::{Agent, Identity, Plane};

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_holds_and_no_row_knows_is_shown_and_discarded_when_an_operator_says_so() {
    let plane = Plane::start().await;
    let identity = Identity::enroll(&plane.token().await).await.unwrap();
    let mut agent = Agent::open(&identity).await.unwrap();
    let launch = LaunchId {
        epoch: Epoch(1),
        number: 7,
    };
    let FromAgent::Register(registration) = agent.registration() else {
        panic!("not a registration");
    };
    let stranger = TaskReport {
        launch,
        framework: FrameworkKey {
            tenant: "default".into(),
            framework: "lost".into(),
        },
        task: "lost".into(),
        state: TaskState::Running,
        pending: None,
        last: None,
    };
    let registration = Registration {
        tasks: vec![stranger],
        ..*registration
    };
    agent.say(FromAgent::Register(Box::new(registration))).await;
    assert!(matches!(agent.heard().await, ToAgent::Registered { .. }));
    let shown = plane.client.agents().await.unwrap().remove(0);
    let held = shown.held.unwrap();
    assert!(held.contains("no record of"), "{held}");

    let id = identity.agent.clone();
    plane.client.discard_held(&id).await.unwrap();
    assert_eq!(agent.heard().await, ToAgent::Discard { launch });
    let refused = plane.client.discard_held("nobody").await.unwrap_err();
    assert!(refused.to_string().contains("not known here"), "{refused}");
    plane.stop().await;
}
