use crate::support::Place;

#[test]
fn it_listens_everywhere_if_asked_and_is_used_on_loopback() {
    let place = Place::new();
    let dev = place.dev_at("0.0.0.0:0", &[]);
    assert!(dev.url().starts_with("http://127.0.0.1:"), "{}", dev.url());
    assert_eq!(dev.ok(&["run", "--", "echo", "hi"]), "hi\n");
}

#[test]
fn the_second_ctrl_c_leaves_tasks_running_for_the_next_start() {
    let place = Place::new();
    let mut dev = place.dev(&[]);
    let line = "trap '' TERM; echo begun; while :; do sleep 0.05; done";
    let id = dev.submit(&["--", "sh", "-c", line]);
    dev.until_logged(&id, "begun");
    dev.signal("INT");
    dev.until_said("press Ctrl-C again");
    dev.signal("INT");
    assert_eq!(dev.wait(), Some(130));
    drop(dev);
    // The kill that was under way is carried on with, or the task still runs: it is not lost.
    let dev = place.dev(&[]);
    dev.insula(&["kill", &id]).run();
    dev.until_state(&id, "TASK_KILLED");
}
