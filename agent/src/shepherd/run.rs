//! A shepherd's life from its lock to its last group.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;

use insula_isolation::cgroup::{self, Delegation, Parent, Plan};
use insula_isolation::lock::Lock;
use insula_isolation::process::{self, Identity};
use tokio::runtime;

use super::error::sentence;
use super::herd::Herd;
use super::journal::Journal;
use super::protocol::Enforced;
use super::{Error, Options, recover, serve, socket};

/// Runs the shepherd of `options.dir` until it is told to shut down, or has nothing to do any more.
///
/// It must be the only thing that its process does: it takes the status of every child. What it has to say to people
/// goes through `tracing`, to whatever the caller installed.
///
/// # Errors
/// [`Error::Lock`] if another shepherd owns the directory; else whatever kept it from running. Tasks are never left
/// running by an error.
pub fn run(options: &Options) -> Result<ExitCode, Error> {
    let dir = options.dir.as_path();
    make_dir(dir)?;
    let _lock = Lock::acquire(&dir.join("shepherd.lock"))?;
    process::become_subreaper()?;
    let own = Identity::own()?;
    let (plan, parent) = grounds(options)?;
    let ended = recover::recover(dir, parent.as_ref())?;
    let journal = Journal::create(dir, &ended)?;
    write_identity(dir, &own)?;

    let enforced = Enforced {
        grouping: plan.grouping,
        cpu: plan.cpu,
        memory: plan.memory,
        pids: plan.pids,
    };
    let mut herd = Herd::new(own.clone(), parent, journal, ended);
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Loop {
            operation: "make an event loop",
            source,
        })?;
    let outcome = runtime.block_on(serve::serve(&mut herd, options, &own, &enforced));

    socket::remove(dir);
    let _gone_already = fs::remove_file(dir.join("identity.json"));
    if let Some(parent) = herd.into_parent() {
        leave(parent);
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

/// What this machine can enforce, and the group below which tasks get theirs. A machine where that group cannot be
/// made runs tasks without, and says why.
fn grounds(options: &Options) -> Result<(Plan, Option<Parent>), Error> {
    let Some(path) = &options.cgroup_parent else {
        return Ok((
            Plan::without_groups("the agent was told to use no control groups"),
            None,
        ));
    };
    let path = path.parse().map_err(Error::Parent)?;
    let plan = Plan::detect(&Delegation {
        unified: options.cgroup_delegated.clone(),
        memory_v1: options.memory_delegated.clone(),
    });
    match Parent::open(&plan, &path) {
        Ok(parent) => Ok((plan, Some(parent))),
        Err(cgroup::Error::Unavailable { because }) => Ok((Plan::without_groups(because), None)),
        Err(error) => {
            let because = sentence(&error);
            tracing::warn!(because, "tasks run without control groups");
            Ok((Plan::without_groups(because), None))
        }
    }
}

/// Only the user may look in: the socket gives the power to run anything as that user.
fn make_dir(dir: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| Error::file("create", dir, source))
}

/// For people and for the agent's doctor; the lock decides.
fn write_identity(dir: &Path, own: &Identity) -> Result<(), Error> {
    let path = dir.join("identity.json");
    let written = serde_json::to_vec(own)
        .map_err(Into::into)
        .and_then(|text| fs::write(&path, text));
    written.map_err(|source| Error::file("write", path, source))
}

fn leave(parent: Parent) {
    match parent.sweep(std::time::Duration::from_secs(1)) {
        Ok(()) => parent.remove(),
        Err(error) => tracing::warn!(error = sentence(&error), "a control group stays"),
    }
}
