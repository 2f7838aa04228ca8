//! Small files of the work directory: JSON, readable to this user only, written as a whole.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;
use crate::work_dir::replace_file;

/// Reads the file; nothing if there is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::File {
                operation: "read",
                path: path.to_owned(),
                source,
            });
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(Error::Malformed {
            path: path.to_owned(),
        }),
    }
}

/// Writes the file; durable on return, and as a whole or not at all.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let failed = |source| Error::File {
        operation: "write",
        path: path.to_owned(),
        source,
    };
    let json = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
    replace_file(path, &json).map_err(failed)
}
