//! Control groups of this machine, with real processes. What it cannot do is said and skipped, unless
//! `INSULA_TEST_REQUIRE` names it. `infra/guest` runs these tests on machines that can do everything, and names it all.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use insula_isolation::cgroup::{
    CpuLimit, Delegation, Enforcement, Error, Group, GroupName, Limits, Parent, Plan,
};
use insula_isolation::process::{Exit, PidFd};
use insula_isolation::spawn::Command;

const DEADLINE: Duration = Duration::from_secs(20);

/// Whether the machine has it; if not, the test is to end with no verdict.
fn is_enforced(what: &str, enforcement: &Enforcement) -> bool {
    let Enforcement::NotEnforced { because } = enforcement else {
        return true;
    };
    let required = env::var("INSULA_TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name == what),
        "{what}: required here, but not enforced: {because}"
    );
    eprintln!("skipped: {what}: {because}");
    false
}

/// A parent of its own per test; `None` where this machine has no groups. The memory hierarchy of v1 is touched only
/// where `INSULA_TEST_MEMORY_V1` names a directory of it.
fn parent(test: &str) -> Option<(Plan, Parent)> {
    let plan = Plan::detect(&Delegation {
        unified: None,
        memory_v1: env::var_os("INSULA_TEST_MEMORY_V1").map(PathBuf::from),
    });
    if !is_enforced("groups", &plan.grouping) {
        return None;
    }
    let path = format!("insula-test/{test}-{}", std::process::id())
        .parse()
        .unwrap();
    let parent = Parent::open(&plan, &path).unwrap();
    Some((plan, parent))
}

fn name(text: &str) -> GroupName {
    text.parse().unwrap()
}

fn start(group: &Group, script: &str) -> PidFd {
    let mut command = Command::new(["/bin/sh", "-c", script]);
    command.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
    command.cgroup = Some(group.entry().unwrap());
    command.start().unwrap()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// The groups of that name, wherever this process may make them.
fn groups_named(dir: &Path, name: &str, depth: usize) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let dirs = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir());
    let mut found = Vec::new();
    for entry in dirs {
        if entry.file_name() == name {
            found.push(entry.path());
        } else if depth > 0 {
            found.extend(groups_named(&entry.path(), name, depth - 1));
        }
    }
    found
}

/// The parent groups of a test, one per hierarchy; none once it has cleaned up.
fn left_behind(test: &str) -> Vec<PathBuf> {
    groups_named(
        "/sys/fs/cgroup".as_ref(),
        &format!("{test}-{}", std::process::id()),
        6,
    )
}

#[test]
fn a_killed_group_leaves_no_process_however_it_hid() {
    let Some((_, parent)) = parent("kill") else {
        return;
    };
    let group = parent.create(&name("t"), &Limits::default()).unwrap();
    assert!(!group.is_populated().unwrap());
    let child = start(
        &group,
        "setsid sh -c 'sleep 1000 & sleep 1000' & (setsid sleep 1000 &) ; exit 3",
    );
    assert_eq!(child.wait().unwrap(), Exit::Code(3));
    assert!(group.is_populated().unwrap());
    assert!(matches!(group.remove(), Err(Error::StillInUse { .. })));
    group.kill().unwrap();
    until("the group empties", || !group.is_populated().unwrap());
    assert!(group.usage().cpu_us.is_some());
    group.remove().unwrap();
    group.remove().unwrap();
    group.kill().unwrap();
    assert!(!group.is_populated().unwrap());
    parent.remove();
    assert_eq!(left_behind("kill"), Vec::<PathBuf>::new());
}

#[test]
fn a_frozen_group_can_be_killed() {
    let Some((_, parent)) = parent("freeze") else {
        return;
    };
    let group = parent.create(&name("t"), &Limits::default()).unwrap();
    let child = start(&group, "while :; do :; done");
    group.set_frozen(true).unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    group.kill().unwrap();
    assert_eq!(child.wait().unwrap(), Exit::Signal(9));
    group.destroy(DEADLINE).unwrap();
    parent.remove();
}

#[test]
fn the_process_limit_holds_and_is_counted() {
    let Some((plan, parent)) = parent("pids") else {
        return;
    };
    if !is_enforced("pids", &plan.pids) {
        return parent.remove();
    }
    let group = parent
        .create(
            &name("t"),
            &Limits {
                pids: Some(3),
                ..Limits::default()
            },
        )
        .unwrap();
    let script = "sleep 1000 & sleep 1000 & sleep 1000 & wait";
    let child = start(&group, script);
    // dash ends with 2 when it cannot fork; bash tries again for a while.
    until("a fork is refused", || group.usage().pids_refusals > 0);
    group.kill().unwrap();
    child.wait().unwrap();
    group.destroy(DEADLINE).unwrap();
    parent.remove();
    assert_eq!(left_behind("pids"), Vec::<PathBuf>::new());
}

#[test]
fn the_processor_quota_throttles() {
    let Some((plan, parent)) = parent("cpu") else {
        return;
    };
    if !is_enforced("cpu", &plan.cpu) {
        return parent.remove();
    }
    let limit = CpuLimit {
        request_millis: 100,
        quota_millis: Some(100),
    };
    let group = parent
        .create(
            &name("t"),
            &Limits {
                cpu: Some(limit),
                ..Limits::default()
            },
        )
        .unwrap();
    let child = start(&group, "while :; do :; done");
    let name = format!("cpu-{}", std::process::id());
    let stats: Vec<PathBuf> = groups_named("/sys/fs/cgroup".as_ref(), &name, 6)
        .into_iter()
        .map(|dir| dir.join("t/cpu.stat"))
        .collect();
    let throttled = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let count = text
            .lines()
            .find_map(|line| line.strip_prefix("nr_throttled ")?.parse().ok());
        count.unwrap_or(0_u64) > 0
    };
    until("the group is throttled", || stats.iter().any(throttled));
    group.kill().unwrap();
    child.wait().unwrap();
    group.destroy(DEADLINE).unwrap();
    parent.remove();
}

#[test]
fn the_memory_limit_kills_and_on_v2_the_whole_group() {
    const LIMIT: u64 = 32 << 20;
    let Some((plan, parent)) = parent("memory") else {
        return;
    };
    if !is_enforced("memory", &plan.memory) {
        return parent.remove();
    }
    let limits = Limits {
        memory_bytes: Some(LIMIT),
        ..Limits::default()
    };
    let group = parent.create(&name("t"), &limits).unwrap();
    // The main process needs next to nothing; its child fills a buffer of 100 MiB.
    let script = "dd if=/dev/zero of=/dev/null bs=104857600 count=1; exec sleep 1000";
    let child = start(&group, script);
    until("the kernel kills for want of memory", || {
        group.usage().oom_kills > 0
    });
    let peak = group.usage().memory_peak_bytes.unwrap();
    assert!((LIMIT / 2..=LIMIT).contains(&peak), "{peak}");
    let parents = groups_named(
        "/sys/fs/cgroup".as_ref(),
        &format!("memory-{}", std::process::id()),
        6,
    );
    let is_v2 = parents
        .iter()
        .any(|dir| dir.join("t/memory.oom.group").exists());
    if is_v2 {
        assert_eq!(child.wait().unwrap(), Exit::Signal(9));
        until("the group empties", || !group.is_populated().unwrap());
    } else {
        assert_eq!(child.try_wait().unwrap(), None);
        group.kill().unwrap();
        child.wait().unwrap();
    }
    group.destroy(DEADLINE).unwrap();
    parent.remove();
    assert_eq!(left_behind("memory"), Vec::<PathBuf>::new());
}

#[test]
fn a_name_in_use_is_refused_and_an_empty_one_replaced() {
    let Some((_, parent)) = parent("reuse") else {
        return;
    };
    let first = parent.create(&name("t"), &Limits::default()).unwrap();
    let child = start(&first, "sleep 1000");
    assert!(matches!(
        parent.create(&name("t"), &Limits::default()),
        Err(Error::StillInUse { .. })
    ));
    assert_eq!(child.try_wait().unwrap(), None);
    first.kill().unwrap();
    child.wait().unwrap();
    until("the group empties", || !first.is_populated().unwrap());
    parent
        .create(&name("t"), &Limits::default())
        .unwrap()
        .remove()
        .unwrap();
    parent.remove();
}

#[test]
fn a_sweep_kills_and_removes_what_was_left() {
    let Some((_, parent)) = parent("sweep") else {
        return;
    };
    let limits = Limits {
        cpu: Some(CpuLimit {
            request_millis: 10,
            quota_millis: None,
        }),
        ..Limits::default()
    };
    let children: Vec<PidFd> = ["a", "b"]
        .iter()
        .map(|text| start(&parent.create(&name(text), &limits).unwrap(), "sleep 1000"))
        .collect();
    assert_eq!(parent.children().unwrap().len(), 2);
    parent.sweep(DEADLINE).unwrap();
    for child in children {
        assert_eq!(child.wait().unwrap(), Exit::Signal(9));
    }
    assert!(parent.children().unwrap().is_empty());
    parent.remove();
    assert_eq!(left_behind("sweep"), Vec::<PathBuf>::new());
}

#[test]
fn a_plan_without_groups_gives_its_reason() {
    let plan = Plan::without_groups("the owner does not want them");
    let error = Parent::open(&plan, &"insula".parse().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "control groups cannot be used: the owner does not want them"
    );
}

#[test]
fn memory_on_v1_is_never_used_without_being_told() {
    let plan = Plan::detect(&Delegation::default());
    let is_v1 = fs::read_to_string("/proc/self/cgroup")
        .unwrap()
        .lines()
        .any(|line| line.contains(":memory:"));
    if !is_v1 {
        eprintln!("skipped: the memory controller is not on cgroup v1");
        return;
    }
    assert!(!plan.memory.is_enforced());
}
