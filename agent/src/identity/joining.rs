//! `joining.json`: what this machine joins with, on disk before it is sent.
//!
//! If the answer is lost, the machine asks again with the same key and checkpoint, and the service
//! knows it by them: a token for one machine is not spent twice, and no second agent is made.

use std::path::Path;

use insula_types::CheckpointId;
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Error, base64_bytes, keep};

/// A checkpoint and a key that wait for their agent id.
#[derive(Serialize, Deserialize)]
pub(super) struct Joining {
    pub(super) checkpoint: CheckpointId,
    /// PKCS#8 DER.
    #[serde(with = "base64_bytes")]
    key: Vec<u8>,
}

impl Joining {
    /// What the machine has asked with before, or something new that it may ask with from now on.
    pub(super) fn begin(path: &Path) -> Result<(Self, KeyPair), Error> {
        if let Some(joining) = keep::read::<Self>(path)? {
            let key = KeyPair::try_from(joining.key.as_slice()).map_err(Error::Key)?;
            return Ok((joining, key));
        }
        let key = KeyPair::generate().map_err(Error::Key)?;
        let joining = Self {
            checkpoint: Uuid::new_v4().to_string().into(),
            key: key.serialize_der(),
        };
        keep::write(path, &joining)?;
        Ok((joining, key))
    }
}
