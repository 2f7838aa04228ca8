//! Making a task's process.

use std::ffi::OsString;

use insula_isolation::cgroup::{self, CpuLimit, Group, Parent};
use insula_isolation::process::{Identity, PidFd, Tree};
use insula_isolation::spawn::{self, Command, Owner, Stream};

use super::error::sentence;
use super::hold::Hold;
use super::journal::Intention;
use super::protocol::{Limits, Run, StartSpec, Stdin};

/// The process, and what holds it and all that it will start.
pub(super) struct Running {
    pub(super) process: Identity,
    pub(super) hold: Hold,
}

/// Starts a task below `parent`, or without control groups.
///
/// An error is a sentence for whoever asked for the task; nothing is left behind then.
pub(super) fn start(
    spec: &StartSpec,
    intention: &Intention,
    parent: Option<&Parent>,
) -> Result<Running, String> {
    let limits = limits(spec.limits);
    let group = parent
        .map(|parent| parent.create(&intention.cgroup, &limits))
        .transpose();
    let group = group.map_err(|error| sentence(&error))?;
    let started = spawn(spec, intention, group.as_ref());
    match (started, group) {
        (Ok((_, process)), Some(group)) => Ok(Running {
            process,
            hold: Hold::Group(group),
        }),
        (Ok((_, process)), None) => {
            let variable = intention.variable.as_deref().unwrap_or_default();
            let tree = Tree::new(Some(process.clone()), variable);
            Ok(Running {
                process,
                hold: Hold::Tree(tree),
            })
        }
        (Err(error), group) => {
            if let Some(Err(left)) = group.map(|group| group.remove()) {
                tracing::warn!(error = sentence(&left), "an unused control group stays");
            }
            Err(error)
        }
    }
}

fn spawn(
    spec: &StartSpec,
    intention: &Intention,
    group: Option<&Group>,
) -> Result<(PidFd, Identity), String> {
    let child = command(spec, intention, group)?
        .start()
        .map_err(|error| sentence(&error))?;
    match Identity::of(child.pid()) {
        Ok(Some(process)) => Ok((child, process)),
        // It cannot be gone, even if it has ended: nobody has waited for it.
        Ok(None) => Err("the process vanished from /proc".to_owned()),
        Err(error) => Err(sentence(&error)),
    }
}

fn command(
    spec: &StartSpec,
    intention: &Intention,
    group: Option<&Group>,
) -> Result<Command, String> {
    let mut command = match &spec.run {
        Run::Argv(argv) => Command::new(argv),
        Run::Shell(text) => Command::new(["/bin/sh", "-c", text]),
    };
    command.env = environment(spec, intention);
    command.cwd = Some(spec.cwd.clone());
    command.stdin = match &spec.stdin {
        Stdin::Null => Stream::Null,
        Stdin::Fifo(path) => Stream::Fifo(path.clone()),
    };
    command.stdout = Stream::Append(spec.stdout.clone());
    command.stderr = Stream::Append(spec.stderr.clone());
    command.owner = owner(spec).map_err(|error| sentence(&error))?;
    command.cgroup = entry(group).map_err(|error| sentence(&error))?;
    command.new_session = true;
    command.no_new_privs = true;
    Ok(command)
}

fn environment(spec: &StartSpec, intention: &Intention) -> Vec<(OsString, OsString)> {
    let mark = intention
        .variable
        .as_deref()
        .and_then(|variable| variable.split_once('='));
    let given = spec
        .env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    given
        .chain(mark)
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn owner(spec: &StartSpec) -> Result<Option<Owner>, spawn::Error> {
    Ok(spec
        .user
        .as_deref()
        .map(Owner::named)
        .transpose()?
        .flatten())
}

fn entry(group: Option<&Group>) -> Result<Option<cgroup::Entry>, cgroup::Error> {
    group.map(Group::entry).transpose()
}

fn limits(limits: Limits) -> cgroup::Limits {
    cgroup::Limits {
        cpu: limits.cpu_millis.map(|request_millis| CpuLimit {
            request_millis,
            quota_millis: limits.cpu_quota_millis,
        }),
        memory_bytes: limits.mem_bytes,
        pids: limits.pids,
    }
}
