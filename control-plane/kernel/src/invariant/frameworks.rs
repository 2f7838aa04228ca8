//! Sessions of frameworks.

use crate::Kernel;
use crate::framework::Client;
use crate::invariant::{Violation, must};

/// INV-32: a subscription waits only while another session of the framework stands.
pub(super) fn a_successor_waits_for_a_session_that_stands(
    kernel: &Kernel,
) -> Result<(), Violation> {
    for framework in kernel.frameworks.iter() {
        let waits = framework.client().is_some_and(Client::has_successor);
        must(!waits || framework.session().is_some(), 32, || {
            format!(
                "a subscription of {} waits for the end of nothing",
                framework.key
            )
        })?;
    }
    Ok(())
}
