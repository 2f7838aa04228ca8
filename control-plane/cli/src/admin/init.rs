//! `insula admin init`

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use insula_server::admin;

use crate::exit::{self, Failure};
use crate::output::Output;

/// Make the two files that every replica of a service is given.
///
/// A file that exists is never overwritten: agents trust the authority that they joined under.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the service's certificate authority is written, with its private key.
    #[arg(long, value_name = "FILE")]
    ca_file: PathBuf,
    /// Where the operator's credential is written.
    #[arg(long, value_name = "FILE")]
    operator_file: PathBuf,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<u8, Failure> {
    // Both are looked at first, so that there is both or neither.
    for path in [&args.ca_file, &args.operator_file] {
        if path.exists() {
            return Err(exists(path));
        }
    }
    let made = admin::new_service().map_err(|error| Failure::from_error(&error))?;
    write(&args.ca_file, &made.authority)?;
    write(&args.operator_file, &made.credential)?;
    output.talk(&format_args!(
        "made {} and {}; give both to every replica, and clients the credential and the certificate",
        args.ca_file.display(),
        args.operator_file.display()
    ));
    Ok(exit::OK)
}

/// Writes a new file that its owner alone may read.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = file.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => failed(path, &error),
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(path, &error))
}

fn exists(path: &Path) -> Failure {
    Failure::new(format!("the file {} exists already", path.display()))
        .hint("it is not overwritten, since agents and clients may depend on it; name another or move it away")
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write the file {}: {error}", path.display()))
}
