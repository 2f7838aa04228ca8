//! The shepherd's socket.
//!
//! The kernel takes at most 107 bytes for the path of a Unix socket, and a work directory may be longer. So the
//! directory is opened, and the socket named below `/proc/self/fd/<directory>`, which is always short.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

const NAME: &str = "shepherd.sock";

/// Listens in `dir`, replacing the socket of a shepherd that is gone: the caller holds the directory's lock.
pub(super) fn bind(dir: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(dir.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (_open, path) = short(dir)?;
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Connects to the shepherd of `dir`.
pub(super) async fn connect(dir: &Path) -> io::Result<UnixStream> {
    let (_open, path) = short(dir)?;
    UnixStream::connect(&path).await
}

/// Takes the socket away, so that nobody tries it.
pub(super) fn remove(dir: &Path) {
    let _gone_already = fs::remove_file(dir.join(NAME));
}

/// The path is valid while the file is open.
fn short(dir: &Path) -> io::Result<(File, PathBuf)> {
    let open = File::open(dir)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd()));
    Ok((open, path))
}
