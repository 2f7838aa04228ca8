//! Stories about questions: why does it wait?

use insula_kernel::Input;
use insula_types::why::Why;
use insula_types::{FrameworkKey, Span, TaskKey, TaskKind, TaskState};

use crate::harness::{Cell, TENANT, tenant, wanted};

impl Cell {
    fn why(&self, task: &str) -> Vec<String> {
        let reasons = self.kernel.why_request(&tenant(), &task.into()).unwrap();
        reasons.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn a_request_says_why_it_waits() {
    let mut cell = Cell::new();
    cell.submit(vec![wanted("t1", "cpus:8;mem:64")]).unwrap();
    assert_eq!(cell.why("t1"), ["no agent is connected"]);
    cell.agent("a1", "cpus:4;mem:4096");
    cell.allocate();
    assert_eq!(
        cell.why("t1"),
        ["no agent is large enough: needs 8 cpus, the largest has 4"]
    );
    let mut wasm = wanted("wasm", "cpus:1");
    wasm.kind = TaskKind::Wasm;
    let mut rack = wanted("rack", "cpus:1");
    rack.constraints.push(("rack".into(), "a7".into()));
    cell.submit(vec![wasm, rack]).unwrap();
    assert_eq!(cell.why("wasm"), ["no connected agent runs wasm tasks"]);
    assert_eq!(
        cell.why("rack"),
        ["no connected agent has the attribute rack=a7"]
    );
}

#[test]
fn a_request_names_what_is_free_and_what_is_offered_to_others() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    cell.submit(vec![wanted("t1", "cpus:3;mem:64")]).unwrap();
    assert!(matches!(
        cell.kernel.why_request(&tenant(), &"t1".into()).unwrap()[..],
        [Why::OfferedToOthers { offers: 1 }]
    ));
    let offers = cell.offers(&client);
    let task = crate::harness::launch("own", "a1", "cpus:2;mem:64");
    cell.accept(&client, &offers, vec![task]);
    cell.allocate();
    let why = cell.why("t1");
    assert_eq!(why, ["no agent fits now: needs 3 cpus, largest free 2"]);
}

#[test]
fn a_quota_limit_is_named() {
    let mut cell = Cell::new();
    let request = cell.request();
    let limit = [("cpus".to_owned(), 1_000)].into();
    cell.step(Input::SetRole {
        request,
        role: TENANT.into(),
        weight: 1_000,
        limit,
    })
    .unwrap();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.submit(vec![wanted("t1", "cpus:1;mem:64")]).unwrap();
    cell.allocate();
    cell.submit(vec![wanted("t2", "cpus:1;mem:64")]).unwrap();
    cell.allocate();
    let why = cell.why("t2");
    assert!(
        why[0].starts_with("quota limit of ml reached: cpus 1 of 1"),
        "{why:?}"
    );
}

#[test]
fn a_framework_says_why_it_gets_no_offers() {
    let mut cell = Cell::new();
    let client = cell.framework("f1");
    assert_eq!(
        cell.kernel.why_framework(&client.key),
        Some(vec![Why::NoAgents])
    );
    cell.agent("a1", "cpus:4;mem:4096");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.decline(&client, &offers, Span::from_secs(60));
    cell.allocate();
    let why = cell.kernel.why_framework(&client.key).unwrap();
    assert!(matches!(why[..], [Why::Filtered { .. }]), "{why:?}");
    cell.disconnect(&client);
    assert_eq!(
        cell.kernel.why_framework(&client.key),
        Some(vec![Why::FrameworkDisconnected])
    );
    let nobody = FrameworkKey {
        tenant: tenant(),
        framework: "nobody".into(),
    };
    assert_eq!(cell.kernel.why_framework(&nobody), None);
}

#[test]
fn a_task_says_what_it_waits_for() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    let key = TaskKey {
        framework: client.key.clone(),
        task: "t1".into(),
    };
    let why = cell.kernel.why_task(&key).unwrap();
    assert_eq!(
        why,
        [Why::WaitsForAgent {
            agent: "a1".into(),
            connected: true
        }]
    );
    cell.obey("a1");
    cell.report("a1", id, TaskState::Running);
    let why = cell.kernel.why_task(&key).unwrap();
    assert_eq!(why[0].to_string(), "it is TASK_RUNNING");
}

#[test]
fn a_request_that_will_be_started_again_says_so() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:1;mem:4096");
    let mut request = wanted("t1", "cpus:1;mem:64");
    request.retries = 2;
    cell.submit(vec![request]).unwrap();
    cell.allocate();
    cell.obey("a1");
    let id = cell.machine("a1").started[0];
    cell.report("a1", id, TaskState::Failed);
    let why = cell.why("t1");
    assert_eq!(
        why[1],
        "will be started again after TASK_FAILED; 1 retries left"
    );
}
