//! Replicas of a service, as real processes: started, used through any of them, and ended.

use crate::support::{Insula, Place, Replica, Running, Service, until};

/// A machine that has joined through a replica and stays until it is told to go.
fn agent(service: &Service, replica: &Replica) -> Running {
    let token = replica.ok(&["token", "--address", replica.address()]);
    let dir = service.place().path().join("agent");
    let own = [
        "agent",
        "--join",
        token.trim_end(),
        "--work-dir",
        dir.to_str().unwrap(),
        "--no-cgroups",
        "--resources",
        "cpus:2;mem:512",
    ];
    let agent = Insula::new(&own).spawn();
    until("the agent", || {
        let agents = replica.json(&["agents"]);
        (agents[0]["state"] == "connected").then_some(())
    });
    agent
}

#[test]
fn tasks_run_through_any_replica_and_outlive_the_loss_of_one() {
    let place = Place::new();
    let Some(service) = Service::new(&place) else {
        return;
    };
    let first = service.replica();
    first.until_served();
    let second = service.replica();
    second.until_served();
    let machine = agent(&service, &second);
    for replica in [&first, &second] {
        assert_eq!(replica.ok(&["run", "--", "echo", "hello"]), "hello\n");
    }
    let go = place.path().join("go");
    let line = format!(
        "until [ -e {} ]; do sleep 0.02; done; echo survived",
        go.display()
    );
    let id = first.ok(&["run", "--detach", "--", "sh", "-c", &line]);
    let id = id.trim_end();
    until("it runs", || {
        (first.json(&["ps", id])[0]["state"] == "TASK_RUNNING").then_some(())
    });
    first.kill();
    // The machine is connected to the other one, which takes over when the leases have ended.
    second.until_served();
    std::fs::write(&go, "").unwrap();
    assert_eq!(second.insula(&["wait", id]).run().code, Some(0));
    assert_eq!(second.ok(&["logs", id]), "survived\n");
    machine.signal("TERM");
    machine.wait();
    drop(second);
    place.end_what_lingers();
}

#[test]
fn a_replica_that_is_told_to_stop_hands_over_and_ends_well() {
    let place = Place::new();
    let Some(service) = Service::new(&place) else {
        return;
    };
    let mut first = service.replica();
    first.until_served();
    let second = service.replica();
    until("both are ready", || {
        let all = second.json(&["replicas"]);
        let ready = all.as_array().unwrap().iter();
        (ready.filter(|it| it["state"] == "ready").count() == 2).then_some(())
    });
    first.signal("TERM");
    assert_eq!(first.wait(), Some(0), "{}", first.stderr());
    second.until_served();
    // A replica shows what its last beat found. One that had only fallen silent would stay for an hour.
    until("it has left", || {
        let left = second.json(&["replicas"]);
        (left.as_array().unwrap().len() == 1).then_some(())
    });
}

#[test]
fn an_operator_adds_cells_and_recovers_a_restored_database() {
    let place = Place::new();
    let Some(service) = Service::new(&place) else {
        return;
    };
    let added = service.admin(&["cell", "add", "east"]).run().ok();
    assert!(added.starts_with("east is in partition "), "{added}");
    let again = service.admin(&["cell", "add", "east"]).run().ok();
    assert_eq!(again, added, "a cell stays where it is");
    let listed = service.admin(&["--json", "cell", "ls"]).run().ok();
    assert!(listed.contains("\"cell\": \"east\""), "{listed}");
    let bad = service.admin(&["cell", "add", "a/b"]).run().refused(2);
    assert!(bad.contains("'a/b' is no cell"), "{bad}");

    let recover = ["recover", "--epoch-above", "1a204df4963"];
    let doubtful = service.admin(&recover).input("yes\n").run().refused(1);
    assert!(doubtful.contains("nothing was changed"), "{doubtful}");
    let meant = service.admin(&recover).input("raise every epoch\n").run();
    let floor = meant.ok();
    let floor = floor.trim_end().strip_prefix("every later epoch is above ");
    let floor = u64::from_str_radix(floor.unwrap(), 16).unwrap();
    assert!(floor > 0x1a2_04df_4963, "{floor:x}");
    service.admin(&["recover", "--now", "--yes"]).run().ok();
}
