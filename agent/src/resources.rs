//! What the machine offers when its owner does not say.

use std::path::Path;

use insula_isolation::machine;
use insula_types::Resources;
use insula_types::resources::{Millis, Range, Ranges};

const MEBIBYTE: u64 = 1 << 20;
/// What the machine keeps for itself, as Mesos does it: a gibibyte of memory and five of disk, or
/// half of what there is, where that is less.
const MEMORY_KEPT_BYTES: u64 = 1 << 30;
const DISK_KEPT_BYTES: u64 = 5 << 30;
/// The ports that Mesos agents offer.
const PORTS: Range = Range {
    begin: 31_000,
    end: 32_000,
};

/// Everything that tasks may use of this machine; disk is that of `dir`.
///
/// # Errors
/// If the machine does not say what it has.
pub fn detect(dir: &Path) -> Result<Resources, machine::Error> {
    let machine = machine::resources()?;
    let memory = left(machine.mem_bytes, MEMORY_KEPT_BYTES);
    let disk = left(machine::disk_free(dir)?, DISK_KEPT_BYTES);
    let mut resources = Resources::of(machine.cpu_millis, millis_of_mebibytes(memory));
    resources.add_scalar("disk", millis_of_mebibytes(disk));
    resources.add_ranges("ports", &Ranges::new([PORTS]));
    Ok(resources)
}

fn left(bytes: u64, kept: u64) -> u64 {
    bytes - kept.min(bytes / 2)
}

/// Whole mebibytes, in thousandths.
fn millis_of_mebibytes(bytes: u64) -> Millis {
    (bytes / MEBIBYTE).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_types::resources::Scalar;

    #[test]
    fn the_machine_keeps_something_for_itself() {
        assert_eq!(left(8 << 30, MEMORY_KEPT_BYTES), 7 << 30);
        assert_eq!(left(1 << 30, MEMORY_KEPT_BYTES), 512 << 20);
        assert_eq!(left(0, MEMORY_KEPT_BYTES), 0);
    }

    #[test]
    fn this_machine_offers_something_of_everything() {
        let resources = detect(Path::new("/")).unwrap();
        assert!(resources.get(Scalar::Cpus) >= 1000);
        assert!(resources.get(Scalar::Mem) > 0);
        assert_eq!(resources.ranges()["ports"].to_string(), "[31000-32000]");
    }
}
