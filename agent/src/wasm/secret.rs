//! How an executor process is recognized, also by the next agent.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::work_dir::replace_file;

/// A random secret of this work directory, from which each executor's token follows: so no list of
/// tokens has to survive the agent.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// Reads the secret, or makes one.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) if text.len() >= 64 => Ok(Self(text)),
            Ok(_) => Self::make(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error),
        }
    }

    /// What the executor process of that id must show.
    pub(super) fn token(&self, executor: &str) -> String {
        let digest = Sha256::new()
            .chain_update(&self.0)
            .chain_update(executor)
            .finalize();
        insula_proto::join_token::hex_of_bytes(&digest.into())
    }

    fn make(path: &Path) -> io::Result<Self> {
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        replace_file(path, secret.as_bytes())?;
        Ok(Self(secret))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Secret;

    #[test]
    fn tokens_survive_the_agent_and_differ_by_executor() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let first = Secret::open(&path).unwrap();
        let again = Secret::open(&path).unwrap();
        assert_eq!(first.token("a"), again.token("a"));
        assert_ne!(first.token("a"), first.token("b"));
        assert_eq!(first.token("a").len(), 64);
    }
}
