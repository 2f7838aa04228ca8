use std::collections::BTreeSet;
use std::fs;

use super::Identity;
use super::stat::Stat;

/// A look through `/proc` takes time, in which a process can fork behind it and end before it: one look that finds
/// nothing proves little, a second one does.
const EMPTY_LOOKS: u32 = 2;
/// While a process becomes another program its environment cannot be read, for a millisecond or so; one that is still
/// unreadable after so many looks has none.
const UNDECIDED_LOOKS_MAX: u32 = 20;

/// All that a process started, found by looking through `/proc`: the fallback where no control group is available.
///
/// A process belongs to the tree if it has the leader's session, descends from a member, or carries the tree's
/// variable in the environment it was started with. So a daemon that left its session and lost its parent is still
/// found; one that also cleared its environment is not, which is why control groups are used wherever there are any.
/// The caller is never a member.
#[derive(Clone, Debug)]
pub struct Tree {
    leader: Option<Identity>,
    variable: Vec<u8>,
    empty_looks: u32,
    undecided_looks: u32,
}

struct Process {
    pid: u32,
    stat: Stat,
    environment: Vec<u8>,
}

impl Tree {
    /// The tree of the session that `leader` founded; `None` if it is not known whether it ever ran. `variable` is a
    /// `NAME=value` that its environment, and that of no other tree, contains.
    pub fn new(leader: Option<Identity>, variable: &str) -> Tree {
        let variable = variable.as_bytes().to_vec();
        Tree {
            leader,
            variable,
            empty_looks: 0,
            undecided_looks: 0,
        }
    }

    /// Sends `SIGKILL` to every member that can be found; how many there were.
    pub fn kill(&self) -> usize {
        self.kill_among(&living())
    }

    /// A round of killing until nothing is left, which the answer says. Repeat it, with a pause of a millisecond or
    /// more, until it is true. Zombies do not count.
    pub fn clear(&mut self) -> bool {
        let processes = living();
        let killed = self.kill_among(&processes);
        let is_undecided = self.undecided_looks < UNDECIDED_LOOKS_MAX
            && processes.iter().any(|process| self.is_undecided(process));
        self.undecided_looks += u32::from(is_undecided);
        let is_empty = killed == 0 && !is_undecided;
        self.empty_looks = if is_empty { self.empty_looks + 1 } else { 0 };
        self.empty_looks >= EMPTY_LOOKS
    }

    fn kill_among(&self, processes: &[Process]) -> usize {
        let members = self.members(processes);
        members.iter().for_each(|pid| super::kill(*pid));
        members.len()
    }

    fn members(&self, processes: &[Process]) -> BTreeSet<u32> {
        let session = self.session();
        let is_marked = |process: &&Process| {
            Some(process.stat.session) == session || process.has_variable(&self.variable)
        };
        let marked = processes.iter().filter(is_marked);
        let mut members: BTreeSet<u32> = marked.map(|process| process.pid).collect();
        loop {
            let is_child = |process: &&Process| {
                members.contains(&process.stat.parent) && !members.contains(&process.pid)
            };
            let children = processes.iter().filter(is_child);
            let children: Vec<u32> = children.map(|process| process.pid).collect();
            if children.is_empty() {
                return members;
            }
            members.extend(children);
        }
    }

    /// The kernel keeps the id of a session for as long as it has members. So only when all are gone can another
    /// process get the leader's id, and found a session of the same number.
    fn session(&self) -> Option<u32> {
        let leader = self.leader.as_ref()?;
        let now = Stat::read(leader.pid).ok().flatten();
        let is_reused = now.is_some_and(|stat| stat.start_time != leader.start_time);
        (!is_reused).then_some(leader.pid)
    }

    /// Whether it may be a daemon of this tree that is becoming its program right now: orphans come to the subreaper.
    fn is_undecided(&self, process: &Process) -> bool {
        process.stat.parent == std::process::id() && process.environment.is_empty()
    }
}

impl Process {
    fn has_variable(&self, variable: &[u8]) -> bool {
        self.environment
            .split(|byte| *byte == 0)
            .any(|candidate| candidate == variable)
    }
}

/// Every process that `/proc` shows, without zombies and the caller; one that ends meanwhile is left out. The
/// environment of other users' processes cannot be read, but they could not be killed either.
fn living() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let others = pids.filter(|pid| *pid != std::process::id());
    let processes = others.filter_map(|pid| {
        let stat = Stat::read(pid).ok()??;
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        Some(Process {
            pid,
            stat,
            environment,
        })
    });
    processes
        .filter(|process| !matches!(process.stat.state, 'Z' | 'X'))
        .collect()
}
