//! `identity.json`.

use std::path::Path;

use insula_types::{AgentId, CheckpointId};
use serde::{Deserialize, Serialize};

use super::{Error, base64_bytes, keep};

/// The version of the file's format.
const FORMAT: u32 = 1;

/// What the agent is known by. The key is not in its `Debug` output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    format: u32,
    /// The id that the control plane gave.
    pub(crate) agent: AgentId,
    /// The cell that the machine belongs to, for people.
    pub(crate) cell: String,
    /// The random id of this work directory (rule R27).
    pub(crate) checkpoint: CheckpointId,
    /// Where the service listens: `host:port`.
    pub(crate) address: String,
    /// SHA-256 of the service's authority.
    #[serde(with = "hex")]
    pub(crate) fingerprint: [u8; 32],
    /// The agent's certificate, DER.
    #[serde(with = "base64_bytes")]
    pub(crate) certificate: Vec<u8>,
    /// The authority that signed it, DER.
    #[serde(with = "base64_bytes")]
    pub(crate) authority: Vec<u8>,
    /// The agent's key, PKCS#8 DER.
    #[serde(with = "base64_bytes")]
    pub(crate) key: Vec<u8>,
}

/// What an enrollment brings.
pub(crate) struct Enrolled {
    pub(crate) agent: AgentId,
    pub(crate) cell: String,
    pub(crate) checkpoint: CheckpointId,
    pub(crate) certificate: Vec<u8>,
    pub(crate) authority: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Identity {
    pub(crate) fn new(enrolled: Enrolled, address: String, fingerprint: [u8; 32]) -> Self {
        let Enrolled {
            agent,
            cell,
            checkpoint,
            certificate,
            authority,
            key,
        } = enrolled;
        Self {
            format: FORMAT,
            agent,
            cell,
            checkpoint,
            address,
            fingerprint,
            certificate,
            authority,
            key,
        }
    }

    /// Reads the file; nothing if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Error> {
        match keep::read::<Self>(path)? {
            Some(identity) if identity.format != FORMAT => Err(Error::Malformed {
                path: path.to_owned(),
            }),
            identity => Ok(identity),
        }
    }

    /// Writes the file; durable on return, and as a whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        keep::write(path, self)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("agent", &self.agent)
            .field("cell", &self.cell)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&insula_proto::join_token::hex_of_bytes(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        insula_proto::join_token::bytes_of_hex(&text)
            .ok_or_else(|| de::Error::custom("not 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_identity_is_kept_for_this_user_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.json");
        assert_eq!(Identity::read(&path).unwrap(), None);
        let enrolled = Enrolled {
            agent: "a1".into(),
            cell: "default".to_owned(),
            checkpoint: "c1".into(),
            certificate: vec![1, 2],
            authority: vec![3],
            key: b"hush".to_vec(),
        };
        let identity = Identity::new(enrolled, "localhost:5050".to_owned(), [7; 32]);
        identity.write(&path).unwrap();
        assert_eq!(Identity::read(&path).unwrap(), Some(identity.clone()));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(!format!("{identity:?}").contains("key"));
    }

    #[test]
    fn a_damaged_identity_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.json");
        fs::write(&path, "{").unwrap();
        assert!(
            Identity::read(&path)
                .unwrap_err()
                .to_string()
                .contains("identity.json")
        );
    }
}
