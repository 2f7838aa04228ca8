//! Processor time of a process and of everything that it started.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Ticks per second in which Linux counts processor time, on every platform that there is.
const TICKS: u64 = 100;

struct Seen {
    parent: u32,
    /// Its own, and that of its children which have ended.
    ticks: u64,
}

/// What a process and its descendants have used since they started. What was started by a process that
/// is gone, and is not its parent's by that, is not found.
pub(super) fn processor_time(root: u32) -> Duration {
    let all = processes();
    let is_descendant = |mut process: u32| {
        while process != root {
            match all.get(&process) {
                Some(seen) if seen.parent != 0 => process = seen.parent,
                _ => return false,
            }
        }
        true
    };
    let of_tree = all.iter().filter(|(process, _)| is_descendant(**process));
    let ticks: u64 = of_tree.map(|(_, seen)| seen.ticks).sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}

fn processes() -> HashMap<u32, Seen> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter_map(|number| Some((number, seen(number)?)))
        .collect()
}

fn seen(process: u32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may contain anything. After it: state, parent, …, and the fields 14 to 17,
    // which are user and system time of the process and of its children that were waited for.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let ticks = fields
        .skip(9)
        .take(4)
        .filter_map(|field| field.parse::<u64>().ok());
    Some(Seen {
        parent,
        ticks: ticks.sum(),
    })
}
