//! Small files that the command line names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use insula_client::Credential;

use crate::exit::Failure;

/// Longest file that is read, in bytes: a bundle of certificates, or every key of a configuration
/// with a page of comment.
const BYTES_MAX: u64 = 64 << 10;

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::new(format!("cannot read the file {}: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        let sentence = format!(
            "the file {} has more than {BYTES_MAX} bytes",
            path.display()
        );
        return Err(Failure::new(sentence));
    }
    Ok(bytes)
}

/// Writes a whole file, in place of one that is there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes)
        .map_err(|error| Failure::new(format!("cannot write the file {}: {error}", path.display())))
}

/// Reads a file of text.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?)
        .map_err(|_| Failure::new(format!("the file {} is no text", path.display())))
}

/// Reads a credential.
pub(crate) fn credential(path: &Path) -> Result<Credential, Failure> {
    text(path)?
        .parse()
        .map_err(|error: insula_client::NotACredential| {
            Failure::from_error(&error).about(&path.display())
        })
}
