//! FIFOs, the named pipes through which input reaches a task.

use std::io;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// Makes a FIFO at `path` that only this user may open.
///
/// # Errors
/// What the system says, [`io::ErrorKind::AlreadyExists`] for example.
pub fn make(path: &Path) -> io::Result<()> {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::ErrorKind;
    use std::os::unix::fs::FileTypeExt;

    #[test]
    fn a_fifo_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in");
        super::make(&path).unwrap();
        assert!(path.metadata().unwrap().file_type().is_fifo());
        assert_eq!(
            super::make(&path).unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
    }
}
