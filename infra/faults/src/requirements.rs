//! What fault tests need of the machine.

use std::path::{Path, PathBuf};

/// The programs that were found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The program `insula` under test.
    pub insula: PathBuf,
    /// The directory of Postgres' programs.
    pub postgres: PathBuf,
    /// Redis.
    pub redis: PathBuf,
}

/// The programs, or a sentence saying what is missing.
///
/// # Errors
/// The sentence, which also says what to install or build.
pub fn find() -> Result<Found, String> {
    in_path("setpriv").ok_or("setpriv is not installed (package util-linux)")?;
    Ok(Found {
        insula: insula()?,
        postgres: postgres().ok_or("Postgres is not installed (package postgresql)")?,
        redis: in_path("redis-server").ok_or("Redis is not installed (package redis-server)")?,
    })
}

/// The library that gives a process another wall clock, where Debian puts it.
#[must_use]
pub fn faketime() -> Option<PathBuf> {
    let directories = std::fs::read_dir("/usr/lib").into_iter().flatten();
    let mut libraries = directories
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.is_file())
}

/// The program of an earlier version, for an upgrade: `INSULA_FORMER_BINARY`.
#[must_use]
pub fn former_insula() -> Option<PathBuf> {
    let named = std::env::var_os("INSULA_FORMER_BINARY")?;
    Some(PathBuf::from(named)).filter(|path| path.is_file())
}

/// Whether the long form of the tests is wanted: `INSULA_FAULTS_LONG=1`.
#[must_use]
pub fn is_long() -> bool {
    std::env::var_os("INSULA_FAULTS_LONG").is_some_and(|value| value == "1")
}

/// `INSULA_BINARY`, else the one that the workspace's build has put beside this test.
fn insula() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("INSULA_BINARY") {
        let named = PathBuf::from(named);
        let missing = format!(
            "INSULA_BINARY names {}, which is not there",
            named.display()
        );
        return Some(named).filter(|path| path.is_file()).ok_or(missing);
    }
    // The test is <target>/<profile>/deps/<name>.
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let beside = own
        .parent()
        .and_then(|deps| deps.parent())
        .map(|profile| profile.join("insula"));
    beside.filter(|path| path.is_file()).ok_or(
        "the program insula is not built: run `cargo build` first, or name it with INSULA_BINARY"
            .to_owned(),
    )
}

/// The newest of Debian's versions, else whatever is in the path.
fn postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter();
    let versions = versions.flatten().flatten().map(|entry| entry.path());
    let newest = versions
        .map(|version| version.join("bin"))
        .filter(|bin| bin.join("initdb").is_file())
        .max_by_key(|bin| version_of(bin));
    newest.or_else(|| Some(in_path("initdb")?.parent()?.to_owned()))
}

fn version_of(bin: &Path) -> u32 {
    let version = bin.parent().and_then(|version| version.file_name());
    let number = version.and_then(|name| name.to_str()?.parse().ok());
    number.unwrap_or(0)
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|dir| dir.join(program));
    found.into_iter().find(|file| file.is_file())
}
