//! The socket that executors connect to.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Executors are started in its directory and name it without a path: the kernel takes no more than
/// 107 bytes.
pub(super) const NAME: &str = "agent.sock";

/// Listens in `dir`, replacing the socket of an agent that is gone: the work directory is locked.
pub(super) fn bind(dir: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(dir.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let open = File::open(dir)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd()));
    let listener = UnixListener::bind(&short)?;
    fs::set_permissions(&short, Permissions::from_mode(0o600))?;
    Ok(listener)
}
