use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::places::{Controller, Places, Tracker};
use super::{CpuLimit, Error, cpu, file, freezer, memory, pids, unified};

/// How long [`Group::destroy`] waits between two looks; killed processes are usually gone within one.
const DESTROY_POLL: Duration = Duration::from_millis(1);

/// What a group may use. `None` leaves that free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Processor time.
    pub cpu: Option<CpuLimit>,
    /// Bytes of memory; the kernel kills the group when it needs more.
    pub memory_bytes: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// What a group used; `None` where this machine does not count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Microseconds of processor time.
    pub cpu_us: Option<u64>,
    /// Bytes held now.
    pub memory_bytes: Option<u64>,
    /// The most bytes held at once.
    pub memory_peak_bytes: Option<u64>,
    /// Processes that the kernel killed for want of memory.
    pub oom_kills: u64,
    /// Forks that the process limit refused.
    pub pids_refusals: u64,
}

/// The way into a group for a new process: opened by its parent, used by the child before it becomes the program.
#[derive(Debug)]
pub struct Entry {
    /// The v2 directory, into which the child is born.
    pub(crate) unified: Option<OwnedFd>,
    /// `cgroup.procs` files into which the child writes itself. On an idle machine each first write takes
    /// milliseconds, since the kernel waits until every processor has noticed; that is the price of v1.
    pub(crate) procs: Vec<OwnedFd>,
}

/// The group of one task, in every hierarchy in which it has limits.
///
/// Dropping the value changes nothing: groups outlive the process that made them.
#[derive(Debug)]
pub struct Group {
    places: Places,
}

impl Group {
    pub(super) fn at(places: Places) -> Group {
        Group { places }
    }

    pub(super) fn create(places: &Places, limits: &Limits) -> Result<Group, Error> {
        let group = Group {
            places: only_limited(places, limits),
        };
        // First, and apart: if a group of that name is in use, nothing of it may be touched.
        create_fresh(group.places.tracker.dir())?;
        match group.apply(limits) {
            Ok(()) => Ok(group),
            Err(error) => {
                let _kept_the_first_error = group.remove();
                Err(error)
            }
        }
    }

    fn apply(&self, limits: &Limits) -> Result<(), Error> {
        for dir in self.places.dirs().into_iter().skip(1) {
            create_fresh(dir)?;
        }
        if let Some(limit) = limits.cpu {
            match &self.places.cpu {
                Controller::Unified => cpu::limit_v2(self.places.tracker.dir(), limit)?,
                Controller::V1(dir) => cpu::limit_v1(dir, limit)?,
                Controller::Absent => {}
            }
        }
        if let Some(bytes) = limits.memory_bytes {
            match &self.places.memory {
                Controller::Unified => memory::limit_v2(self.places.tracker.dir(), bytes)?,
                Controller::V1(dir) => memory::limit_v1(dir, bytes)?,
                Controller::Absent => {}
            }
        }
        if let Some(processes) = limits.pids
            && let Some(dir) = self.dir_of(&self.places.pids)
        {
            pids::limit(dir, processes)?;
        }
        Ok(())
    }

    /// Opens the way into the group for a child that is about to be made.
    ///
    /// # Errors
    /// [`Error::File`] if the group is gone or may not be entered.
    pub fn entry(&self) -> Result<Entry, Error> {
        let mut entry = Entry {
            unified: None,
            procs: Vec::new(),
        };
        for dir in self.places.dirs() {
            if self.places.tracker == Tracker::Unified(dir.to_owned()) {
                let opened = File::open(dir).map_err(|source| Error::file("open", dir, source))?;
                entry.unified = Some(opened.into());
            } else {
                entry
                    .procs
                    .push(file::open_to_write(&dir.join("cgroup.procs"))?.into());
            }
        }
        Ok(entry)
    }

    /// Sends `SIGKILL` to everything in the group. It takes effect soon, not at once: repeat it until
    /// [`Group::is_populated`] is false. A group that does not exist is no error.
    ///
    /// # Errors
    /// [`Error::File`] if the kernel refuses.
    pub fn kill(&self) -> Result<(), Error> {
        let killed = match &self.places.tracker {
            Tracker::Unified(dir) => unified::kill(dir),
            Tracker::Freezer(dir) => freezer::kill(dir),
        };
        if !self.places.tracker.dir().exists() {
            Ok(())
        } else {
            killed
        }
    }

    /// Stops every process of the group, or lets them continue.
    ///
    /// # Errors
    /// [`Error::File`] if the kernel refuses.
    pub fn set_frozen(&self, frozen: bool) -> Result<(), Error> {
        match &self.places.tracker {
            Tracker::Unified(dir) => unified::set_frozen(dir, frozen),
            Tracker::Freezer(dir) => freezer::set_frozen(dir, frozen),
        }
    }

    /// Whether a living process is in the group; false for a group that does not exist.
    ///
    /// # Errors
    /// [`Error::File`] if the kernel's files cannot be read.
    pub fn is_populated(&self) -> Result<bool, Error> {
        match &self.places.tracker {
            Tracker::Unified(dir) => unified::is_populated(dir),
            Tracker::Freezer(dir) => freezer::is_populated(dir),
        }
    }

    /// What the group used so far.
    pub fn usage(&self) -> Usage {
        let tracker = self.places.tracker.dir();
        let cpu_us = match (&self.places.tracker, &self.places.cpuacct) {
            (Tracker::Unified(dir), _) => cpu::usage_us_v2(dir),
            (Tracker::Freezer(_), accounting) => accounting.as_deref().and_then(cpu::usage_us_v1),
        };
        let (memory_bytes, memory_peak_bytes, oom_kills) = match &self.places.memory {
            Controller::Unified => (
                memory::current_bytes_v2(tracker),
                memory::peak_bytes_v2(tracker),
                memory::oom_kills_v2(tracker),
            ),
            Controller::V1(dir) => (
                memory::current_bytes_v1(dir),
                memory::peak_bytes_v1(dir),
                memory::oom_kills_v1(dir),
            ),
            Controller::Absent => (None, None, None),
        };
        let pids_refusals = self
            .dir_of(&self.places.pids)
            .and_then(pids::refusals)
            .unwrap_or(0);
        Usage {
            cpu_us,
            memory_bytes,
            memory_peak_bytes,
            oom_kills: oom_kills.unwrap_or(0),
            pids_refusals,
        }
    }

    /// Removes the group and what the task made below it. One that does not exist is no error.
    ///
    /// # Errors
    /// [`Error::StillInUse`] while a process is in it, [`Error::File`] if the kernel refuses otherwise.
    pub fn remove(&self) -> Result<(), Error> {
        // The tracker goes last: as long as it stands, a sweep finds what could not be removed.
        self.places
            .dirs()
            .into_iter()
            .rev()
            .try_for_each(remove_tree)
    }

    /// Kills everything in the group and removes it, waiting for the end of its processes at most `timeout`.
    ///
    /// # Errors
    /// [`Error::StillInUse`] when the time is up, [`Error::File`] if the kernel refuses.
    pub fn destroy(&self, timeout: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        loop {
            if self.is_populated()? {
                self.kill()?;
            } else {
                match self.remove() {
                    Err(Error::StillInUse { .. }) => {}
                    outcome => return outcome,
                }
            }
            if Instant::now() >= deadline {
                return Err(Error::StillInUse {
                    path: self.places.tracker.dir().to_owned(),
                });
            }
            thread::sleep(DESTROY_POLL);
        }
    }

    fn dir_of<'a>(&'a self, controller: &'a Controller) -> Option<&'a Path> {
        match controller {
            Controller::Unified => Some(self.places.tracker.dir()),
            Controller::V1(dir) => Some(dir),
            Controller::Absent => None,
        }
    }
}

/// A v1 group that limits nothing would only cost time: entering each hierarchy is a migration of its own.
fn only_limited(places: &Places, limits: &Limits) -> Places {
    let keep = |controller: &Controller, limited: bool| match controller {
        Controller::V1(_) if !limited => Controller::Absent,
        other => other.clone(),
    };
    Places {
        tracker: places.tracker.clone(),
        cpu: keep(&places.cpu, limits.cpu.is_some()),
        memory: keep(&places.memory, limits.memory_bytes.is_some()),
        pids: keep(&places.pids, limits.pids.is_some()),
        cpuacct: places.cpuacct.clone(),
    }
}

/// A group of the same name that holds nothing is left from something that failed and is replaced: its limits and
/// counters must not be taken over.
fn create_fresh(dir: &Path) -> Result<(), Error> {
    match fs::create_dir(dir) {
        Ok(()) => Ok(()),
        Err(source) if source.kind() == ErrorKind::AlreadyExists => {
            remove_tree(dir)?;
            fs::create_dir(dir).map_err(|source| Error::file("create", dir, source))
        }
        Err(source) => Err(Error::file("create", dir, source)),
    }
}

fn remove_tree(dir: &Path) -> Result<(), Error> {
    for name in file::subdirectories(dir)? {
        remove_tree(&dir.join(name))?;
    }
    match fs::remove_dir(dir) {
        Ok(()) => Ok(()),
        Err(source) if file::is_gone(&source) => Ok(()),
        Err(source) if source.kind() == ErrorKind::ResourceBusy => Err(Error::StillInUse {
            path: dir.to_owned(),
        }),
        Err(source) => Err(Error::file("remove", dir, source)),
    }
}
