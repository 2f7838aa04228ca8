use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::ConfineError;

/// Resource limits of a process. `None` leaves one as it was inherited.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Processor time in seconds; the kernel kills beyond it.
    pub(crate) cpu_seconds: Option<u64>,
    /// Address space in bytes; allocation fails beyond it.
    pub(crate) address_space_bytes: Option<u64>,
    /// Length of any file written, in bytes.
    pub(crate) file_bytes: Option<u64>,
    /// Open files; `None` raises them as far as the process may.
    pub(crate) files: Option<u64>,
}

impl Limits {
    /// Applies the limits, soft and hard. Core dumps are always off: they would hold the memory of
    /// every guest.
    ///
    /// # Errors
    /// When the kernel refuses one.
    pub(super) fn apply(&self) -> Result<(), ConfineError> {
        set(Resource::RLIMIT_CORE, 0, "RLIMIT_CORE")?;
        if let Some(seconds) = self.cpu_seconds {
            set(Resource::RLIMIT_CPU, seconds, "RLIMIT_CPU")?;
        }
        if let Some(bytes) = self.address_space_bytes {
            set(Resource::RLIMIT_AS, bytes, "RLIMIT_AS")?;
        }
        if let Some(bytes) = self.file_bytes {
            set(Resource::RLIMIT_FSIZE, bytes, "RLIMIT_FSIZE")?;
        }
        let (_, inherited) =
            getrlimit(Resource::RLIMIT_NOFILE).map_err(ConfineError::at("RLIMIT_NOFILE"))?;
        set(
            Resource::RLIMIT_NOFILE,
            self.files.unwrap_or(inherited),
            "RLIMIT_NOFILE",
        )
    }
}

/// Lowers a limit to `value`, or to what was inherited where that is lower already.
fn set(resource: Resource, value: u64, name: &'static str) -> Result<(), ConfineError> {
    let (_, hard) = getrlimit(resource).map_err(ConfineError::at(name))?;
    let value = value.min(hard);
    setrlimit(resource, value, value).map_err(ConfineError::at(name))
}
