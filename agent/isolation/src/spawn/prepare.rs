//! Everything that can be done before the child exists.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::streams::{self, Standard};
use super::{Command, Error, Namespaces, Owner, Rlimit, Step};
use crate::cgroup::Entry;

/// Where programs are looked up when the environment has no `PATH`: what login shells of Debian and Fedora use.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command in the form that the kernel takes. All memory is allocated, all files are open.
pub(super) struct Prepared {
    pub(super) program: CString,
    pub(super) argv: Texts,
    pub(super) env: Texts,
    pub(super) cwd: Option<CString>,
    /// Standard input, output, error; none of them is itself 0, 1 or 2.
    pub(super) streams: [OwnedFd; 3],
    pub(super) owner: Option<Owner>,
    pub(super) rlimits: Vec<Rlimit>,
    pub(super) cgroup: Entry,
    /// `cgroup.procs` of the group that the child is to be born in, for kernels that cannot do that.
    pub(super) cgroup_procs: Option<OwnedFd>,
    pub(super) namespaces: Namespaces,
    pub(super) new_session: bool,
    pub(super) no_new_privs: bool,
    pub(super) die_with_parent: bool,
    /// This process.
    pub(super) parent: libc::pid_t,
}

/// Strings with the array of pointers to them that ends with null.
pub(super) struct Texts {
    _owned: Vec<CString>,
    pub(super) pointers: Vec<*const libc::c_char>,
}

impl Texts {
    fn new(texts: Vec<CString>) -> Texts {
        let pointers = texts
            .iter()
            .map(|text| text.as_ptr())
            .chain([std::ptr::null()])
            .collect();
        Texts {
            _owned: texts,
            pointers,
        }
    }
}

pub(super) fn prepare(command: Command) -> Result<Prepared, Error> {
    let program = program(&command)?;
    let argv = command
        .argv
        .into_iter()
        .map(|text| c_string(text, "an argument"));
    let env = command.env.into_iter().map(|(mut name, value)| {
        name.push("=");
        name.push(value);
        c_string(name, "the environment")
    });
    let cgroup = command.cgroup.unwrap_or(Entry {
        unified: None,
        procs: Vec::new(),
    });
    Ok(Prepared {
        program,
        argv: Texts::new(argv.collect::<Result<_, _>>()?),
        env: Texts::new(env.collect::<Result<_, _>>()?),
        cwd: command
            .cwd
            .map(|dir| c_string(dir.into(), "the working directory"))
            .transpose()?,
        streams: [
            streams::open(command.stdin, Standard::Input, command.owner)?,
            streams::open(command.stdout, Standard::Output, command.owner)?,
            streams::open(command.stderr, Standard::Error, command.owner)?,
        ],
        owner: command.owner,
        rlimits: command.rlimits,
        cgroup_procs: cgroup.unified.as_ref().map(open_procs).transpose()?,
        cgroup,
        namespaces: command.namespaces,
        new_session: command.new_session,
        no_new_privs: command.no_new_privs,
        die_with_parent: command.die_with_parent,
        parent: nix::unistd::getpid().as_raw(),
    })
}

impl Prepared {
    /// Puts what the child reported into words.
    pub(super) fn explain(&self, step: Step, errno: i32) -> Error {
        let attempt = match step {
            Step::Cgroup => "enter the control group".to_owned(),
            Step::Session => "start a session".to_owned(),
            Step::Mount => "make the mounts private".to_owned(),
            Step::Rlimit => "set the resource limits".to_owned(),
            Step::Streams => "set up the standard streams".to_owned(),
            Step::Owner => match self.owner {
                Some(owner) => format!("become user {} of group {}", owner.uid, owner.gid),
                None => "become the user".to_owned(),
            },
            Step::Chdir => {
                let dir = self
                    .cwd
                    .as_ref()
                    .map(|dir| dir.to_string_lossy().into_owned());
                format!("enter the working directory {}", dir.unwrap_or_default())
            }
            Step::Prctl => "give up privileges".to_owned(),
            Step::Exec => format!("run {}", self.program.to_string_lossy()),
        };
        Error::Child {
            step,
            attempt,
            source: io::Error::from_raw_os_error(errno),
        }
    }
}

fn program(command: &Command) -> Result<CString, Error> {
    let name = command
        .argv
        .first()
        .filter(|name| !name.is_empty())
        .ok_or(Error::Empty)?;
    if name.as_bytes().contains(&b'/') {
        return c_string(name.clone(), "the program");
    }
    let path = command
        .env
        .iter()
        .find(|(key, _)| key == "PATH")
        .map(|(_, value)| value.as_os_str());
    let path = path.unwrap_or(OsStr::new(PATH_DEFAULT));
    let found =
        std::env::split_paths(path).map(|dir| candidate(&dir, command.cwd.as_deref(), name));
    match found.into_iter().find(|file| is_program(file)) {
        Some(file) => c_string(file.into(), "the program"),
        None => Err(Error::NotFound {
            program: name.clone(),
            path: path.to_string_lossy().into_owned(),
        }),
    }
}

/// A relative directory in `PATH` is meant from where the program starts.
fn candidate(dir: &Path, cwd: Option<&Path>, name: &OsStr) -> PathBuf {
    match cwd {
        Some(cwd) => cwd.join(dir).join(name),
        None => Path::new(".").join(dir).join(name),
    }
}

/// Whether the user may run it, the kernel decides at the end; here it must only be something that can be run.
fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn c_string(text: OsString, what: &'static str) -> Result<CString, Error> {
    CString::new(text.into_vec()).map_err(|_| Error::Nul { what })
}

fn open_procs(group: &OwnedFd) -> Result<OwnedFd, Error> {
    // Through the descriptor's own name: the entry is a directory, not a path.
    let path = PathBuf::from(format!("/proc/self/fd/{}/cgroup.procs", group.as_raw_fd()));
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(Error::start)?;
    streams::above_standard(file.into())
}
