use std::collections::BTreeSet;

use crate::support::{Dev, Insula, Place, Ran, until};

#[test]
fn agents_of_one_machine_share_it_without_overlap() {
    let place = Place::new();
    let dev = place.dev(&[
        "--agents",
        "2",
        "--resources",
        "cpus:3;mem:1000;ports:[31000-31009]",
    ]);
    let agents = dev.json(&["agents"]);
    let totals: BTreeSet<&str> = agents
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| agent["total"].as_str().unwrap())
        .collect();
    let halves = [
        "cpus:1.5;mem:500;ports:[31000-31004]",
        "cpus:1.5;mem:500;ports:[31005-31009]",
    ];
    assert_eq!(totals, BTreeSet::from(halves));

    // Neither has room for both, so each gets one.
    let ids = [
        dev.submit(&["--cpus", "1", "--", "sleep", "1000"]),
        dev.submit(&["--cpus", "1", "--", "sleep", "1000"]),
    ];
    let used: BTreeSet<String> = ids
        .iter()
        .map(|id| {
            dev.until_state(id, "TASK_RUNNING");
            dev.task(id)["agent"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(used.len(), 2);
    let said = dev.insula(&["run", "--cpus", "1", "--", "true"]).spawn();
    said.until_said(" waits: ");
    dev.ok(&["kill", &ids[0]]);
    assert_eq!(said.wait().code, Some(0));
}

/// `insula agent` in a directory of its own.
fn agent(place: &Place, token: &str, args: &[&str]) -> Insula {
    let dir = place.path().join("second");
    let own = [
        "agent",
        "--join",
        token,
        "--work-dir",
        dir.to_str().unwrap(),
    ];
    Insula::new(&[&own, args].concat())
}

/// An agent that does not start says why in its last words, behind its log.
fn assert_refused(agent: Insula, sentence: &str) {
    let Ran { code, stderr, .. } = agent.run();
    assert_eq!(code, Some(1), "{stderr}");
    let (_, error) = stderr.split_once("error: ").unwrap();
    assert!(error.contains(sentence), "{error}");
}

#[test]
fn another_agent_joins_with_a_token() {
    let place = Place::new();
    let dev = place.dev(&["--agents", "0"]);
    let made = dev.insula(&["token"]).run();
    assert!(
        made.stderr
            .contains("only agents of this machine reach 127.0.0.1:"),
        "{made:?}"
    );
    let token = made.ok().trim_end().to_owned();
    let second = agent(
        &place,
        &token,
        &[
            "--hostname",
            "second",
            "--attributes",
            "rack=a7",
            "--resources",
            "cpus:1;mem:256",
        ],
    )
    .spawn();
    until_connected(&dev, 1);
    let agents = dev.json(&["agents"]);
    place.met(agents[0]["id"].as_str().unwrap());
    assert_eq!(
        (&agents[0]["hostname"], &agents[0]["wasm"]),
        (&"second".into(), &true.into())
    );
    assert_eq!(
        dev.ok(&["run", "--where", "rack=a7", "--", "echo", "there"]),
        "there\n"
    );

    // The token was for one machine, and the directory has joined.
    let elsewhere = place.path().join("third");
    let third = Insula::new(&[
        "agent",
        "--join",
        &token,
        "--work-dir",
        elsewhere.to_str().unwrap(),
    ]);
    assert_refused(third, "the join token has been used already");
    assert_refused(agent(&place, &token, &[]), "locked by process");
    let rubbish = Insula::new(&["agent", "--join", "rubbish"]);
    assert_refused(rubbish, "a join token begins with");

    // An agent that stops leaves its tasks running, and finds them when it comes back.
    let id = dev.submit(&["--", "sh", "-c", "echo $PPID; sleep 1000"]);
    dev.until_state(&id, "TASK_RUNNING");
    let launch = dev.task(&id)["launch"].clone();
    second.signal("TERM");
    assert_eq!(second.wait().code, Some(0));
    until("its absence", || {
        (dev.json(&["agents"])[0]["state"] == "disconnected").then_some(())
    });
    let back = agent(&place, &token, &["--hostname", "second"]).spawn();
    until_connected(&dev, 1);
    assert_eq!(
        (&dev.task(&id)["state"], &dev.task(&id)["launch"]),
        (&"TASK_RUNNING".into(), &launch)
    );
    dev.ok(&["kill", &id]);
    assert_eq!(dev.insula(&["wait", &id]).run().code, Some(143));
    back.signal("INT");
    assert_eq!(back.wait().code, Some(0));
    drop(dev);
    // The agent's shepherd would linger for a minute, for an agent to come back.
    place.end_what_lingers();
}

#[test]
fn a_token_may_name_the_address_that_machines_reach() {
    let place = Place::new();
    let dev = place.dev(&["--agents", "0"]);
    let made = dev
        .insula(&[
            "token",
            "--json",
            "--uses",
            "3",
            "--address",
            "cluster.example:5050",
        ])
        .run();
    assert_eq!(made.stderr, "");
    let made: serde_json::Value = serde_json::from_str(&made.ok()).unwrap();
    assert_eq!(made["address"], "cluster.example:5050");
    let said = dev
        .insula(&["token", "--address", "nowhere"])
        .run()
        .refused(1);
    assert!(
        said.contains("'nowhere' is no address of the form host:port"),
        "{said}"
    );
    let said = dev.insula(&["token", "--uses", "0"]).run().refused(1);
    assert!(said.contains("a token is for 1 to"), "{said}");
}

fn until_connected(dev: &Dev<'_>, count: usize) {
    until("agents", || {
        let agents = dev.json(&["agents"]);
        let connected = agents
            .as_array()
            .unwrap()
            .iter()
            .filter(|agent| agent["state"] == "connected");
        (connected.count() == count).then_some(())
    });
}
