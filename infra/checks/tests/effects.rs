//! `effects.md` declares every message that the kernel sends (rule R4).

use insula_checks::{File, Repository, assert_none, effects};

const MESSAGES: &str = "control-plane/types/src/message.rs";
const DOCUMENT: &str = "control-plane/docs/effects.md";

/// The enums of [`MESSAGES`] that leave the kernel.
const SENT: &[&str] = &["CommandBody", "ToAgent", "ToFramework"];

#[test]
fn effects_md_declares_every_message_of_the_kernel() {
    let repository = Repository::open().unwrap_or_else(|error| panic!("{error}"));
    let find = |path: &str| -> &File {
        let found = repository.files.iter().find(|file| file.path == path);
        found.unwrap_or_else(|| {
            panic!("{path} is missing: the messages of the kernel must be declared there")
        })
    };
    assert_none(&effects::every_message_is_declared(
        find(MESSAGES),
        SENT,
        find(DOCUMENT),
    ));
}
