//! Reading and writing the small files of a cgroup file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::Error;

/// Writes `value` in one call, as the kernel wants it. The file must exist.
pub(super) fn write(path: &Path, value: &str) -> Result<(), Error> {
    let written = OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| file.write_all(value.as_bytes()));
    written.map_err(|source| Error::file(format!("write {value:?} to"), path, source))
}

/// Like [`write`]; a file that this kernel does not have is no error, and the answer is then false.
pub(super) fn write_if_present(path: &Path, value: &str) -> Result<bool, Error> {
    match write(path, value) {
        Ok(()) => Ok(true),
        Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn open_to_write(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(|source| Error::file("open", path, source))
}

pub(super) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::file("read", path, source))
}

/// The single number in a file; `None` when it is absent or says `max`.
pub(super) fn read_number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number after `key` in a file of `key value` lines; `None` when file or key are absent.
pub(super) fn read_key(path: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        line.strip_prefix(key)?
            .strip_prefix(' ')?
            .trim()
            .parse()
            .ok()
    })
}

/// The process ids in a `cgroup.procs` file; none when the group is gone.
pub(super) fn read_procs(path: &Path) -> Result<Vec<u32>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text
            .lines()
            .filter_map(|line| line.trim().parse().ok())
            .collect()),
        Err(source) if is_gone(&source) => Ok(Vec::new()),
        Err(source) => Err(Error::file("read", path, source)),
    }
}

/// Creates one directory; one that is there already is no error.
pub(super) fn make_dir(path: &Path) -> Result<(), Error> {
    match fs::create_dir(path) {
        Ok(()) => Ok(()),
        Err(source) if source.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::file("create", path, source)),
    }
}

/// Whether an error means that the group was removed: reading in a removed group gives `ENODEV`.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

/// Names of the groups directly below `dir`; none when it is absent.
pub(super) fn subdirectories(dir: &Path) -> Result<Vec<std::ffi::OsString>, Error> {
    let failed = |source| Error::file("list", dir, source);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(source) if is_gone(&source) => return Ok(Vec::new()),
        Err(source) => return Err(failed(source)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            names.push(entry.file_name());
        }
    }
    Ok(names)
}
