//! Opening what becomes the standard streams.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{Error, Owner, Stream};

/// Which of the three.
#[derive(Clone, Copy)]
pub(super) enum Standard {
    Input,
    Output,
    Error,
}

impl Standard {
    fn name(self) -> &'static str {
        match self {
            Standard::Input => "standard input",
            Standard::Output => "standard output",
            Standard::Error => "standard error",
        }
    }

    fn own(self) -> io::Result<OwnedFd> {
        match self {
            Standard::Input => io::stdin().as_fd().try_clone_to_owned(),
            Standard::Output => io::stdout().as_fd().try_clone_to_owned(),
            Standard::Error => io::stderr().as_fd().try_clone_to_owned(),
        }
    }
}

/// Gives a descriptor above the three that the child fills.
pub(super) fn open(
    stream: Stream,
    standard: Standard,
    owner: Option<Owner>,
) -> Result<OwnedFd, Error> {
    let failed = |path: PathBuf, source| Error::Stream {
        stream: standard.name(),
        path,
        source,
    };
    let opened = match stream {
        Stream::Null => null().map_err(|source| failed("/dev/null".into(), source))?,
        Stream::Inherit => standard.own().map_err(Error::start)?,
        Stream::Fd(fd) => fd,
        Stream::Append(path) => append(&path, owner).map_err(|source| failed(path, source))?,
        Stream::Fifo(path) => fifo(&path).map_err(|source| failed(path, source))?,
    };
    above_standard(opened)
}

fn null() -> io::Result<OwnedFd> {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map(OwnedFd::from)
}

/// A link could have been put there by an earlier task, to make a privileged caller write elsewhere.
///
/// The program owns the file, since it may open it again by `/dev/stdout`.
fn append(path: &Path, owner: Option<Owner>) -> io::Result<OwnedFd> {
    let mut options = OpenOptions::new();
    options
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW);
    let file = options.open(path)?;
    if let Some(owner) = owner {
        fchown(&file, Some(owner.uid), Some(owner.gid))?;
    }
    Ok(file.into())
}

fn fifo(path: &Path) -> io::Result<OwnedFd> {
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    if !file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a FIFO",
        ));
    }
    // Only opening must not wait; the program expects reads that do.
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(file.into())
}

/// Moves a descriptor out of the way of the three that the child is about to fill.
pub(super) fn above_standard(fd: OwnedFd) -> Result<OwnedFd, Error> {
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(fd);
    }
    let moved = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(libc::STDERR_FILENO + 1));
    let moved = moved.map_err(|errno| Error::start(errno.into()))?;
    // SAFETY: the kernel just made this descriptor for us.
    #[allow(unsafe_code)]
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}
