use std::fs;

use serde::{Deserialize, Serialize};

use super::Error;
use super::stat::Stat;

/// The name of a process that no other process ever has: process ids are reused, also across restarts of the
/// machine, but not within one clock tick of one boot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// The process id.
    pub pid: u32,
    /// Clock ticks (hundredths of a second on all common machines) from boot to the start of the process.
    pub start_time: u64,
}

impl Identity {
    /// The identity of the process that has `pid` now; `None` if there is none.
    ///
    /// # Errors
    /// [`Error`] if `/proc` cannot be read.
    pub fn of(pid: u32) -> Result<Option<Identity>, Error> {
        let Some(stat) = Stat::read(pid)? else {
            return Ok(None);
        };
        Ok(Some(Identity {
            boot_id: boot_id()?,
            pid,
            start_time: stat.start_time,
        }))
    }

    /// This process.
    ///
    /// # Errors
    /// [`Error`] if `/proc` cannot be read.
    pub fn own() -> Result<Identity, Error> {
        let pid = std::process::id();
        Identity::of(pid)?.ok_or_else(|| Error::Malformed {
            path: format!("/proc/{pid}/stat"),
        })
    }

    /// Whether that very process still runs; a zombie does not.
    ///
    /// # Errors
    /// [`Error`] if `/proc` cannot be read.
    pub fn is_alive(&self) -> Result<bool, Error> {
        if self.boot_id != boot_id()? {
            return Ok(false);
        }
        let stat = Stat::read(self.pid)?;
        Ok(stat.is_some_and(|stat| {
            stat.start_time == self.start_time && !matches!(stat.state, 'Z' | 'X')
        }))
    }
}

/// The random name of the machine's current boot.
///
/// # Errors
/// [`Error::System`] if `/proc` is not mounted.
pub fn boot_id() -> Result<String, Error> {
    let path = "/proc/sys/kernel/random/boot_id";
    let text =
        fs::read_to_string(path).map_err(|source| Error::system(format!("read {path}"), source))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Identity;

    #[test]
    fn another_start_or_another_boot_is_another_process() {
        let own = Identity::own().unwrap();
        assert!(own.is_alive().unwrap());
        assert!(
            !Identity {
                start_time: own.start_time + 1,
                ..own.clone()
            }
            .is_alive()
            .unwrap()
        );
        assert!(
            !Identity {
                boot_id: "other".to_owned(),
                ..own
            }
            .is_alive()
            .unwrap()
        );
        assert_eq!(Identity::of(u32::MAX).unwrap(), None);
    }
}
