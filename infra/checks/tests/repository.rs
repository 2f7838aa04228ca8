//! Applies every rule to this repository. Each test is named by the sentence that must hold.

use std::sync::LazyLock;

use insula_checks::{File, Repository, arrows, assert_none, documents, manifests, purity, sizes};

static REPOSITORY: LazyLock<Repository> =
    LazyLock::new(|| Repository::open().unwrap_or_else(|error| panic!("{error}")));

fn files() -> &'static [File] {
    &REPOSITORY.files
}

#[test]
fn the_repository_was_read() {
    assert!(
        REPOSITORY
            .packages
            .iter()
            .any(|package| package.folder == "control-plane/kernel")
    );
    assert!(files().iter().any(|file| file.path == "Cargo.lock"));
    assert!(REPOSITORY.files_ending("rs").count() > REPOSITORY.packages.len());
}

#[test]
fn dependencies_follow_the_arrows() {
    assert_none(&arrows::dependencies_follow_the_arrows(
        &REPOSITORY.packages,
    ));
}

#[test]
fn reserved_crates_stay_with_their_owners() {
    assert_none(&arrows::reserved_crates_stay_with_their_owners(
        &REPOSITORY.packages,
    ));
}

#[test]
fn pure_crates_stay_pure() {
    assert_none(&purity::pure_crates_stay_pure(files()));
}

#[test]
fn decisions_use_no_floats() {
    assert_none(&purity::decisions_use_no_floats(files()));
}

#[test]
fn unsafe_stands_behind_its_walls() {
    assert_none(&purity::unsafe_stands_behind_its_walls(files()));
}

#[test]
fn system_calls_stand_behind_their_walls() {
    assert_none(&purity::system_calls_stand_behind_their_walls(files()));
}

#[test]
fn no_file_is_long() {
    assert_none(&sizes::no_file_is_long(files()));
}

#[test]
fn most_files_are_short() {
    assert_none(&sizes::most_files_are_short(files()));
}

#[test]
fn crates_have_a_front_page() {
    assert_none(&sizes::crates_have_a_front_page(files()));
}

#[test]
fn front_pages_hold_no_logic() {
    assert_none(&sizes::front_pages_hold_no_logic(files()));
}

#[test]
fn names_say_what_is_inside() {
    assert_none(&sizes::names_say_what_is_inside(files()));
}

#[test]
fn dependencies_are_inherited() {
    let folders: Vec<_> = REPOSITORY
        .packages
        .iter()
        .map(|package| format!("{}/Cargo.toml", package.folder))
        .collect();
    let members: Vec<_> = files()
        .iter()
        .filter(|file| folders.contains(&file.path))
        .collect();
    assert_eq!(members.len(), folders.len());
    assert_none(&manifests::dependencies_are_inherited(&members));
}

#[test]
fn the_lock_file_holds_no_refused_package() {
    let lock: Vec<_> = files()
        .iter()
        .filter(|file| file.path == "Cargo.lock")
        .collect();
    assert_eq!(lock.len(), 1);
    assert_none(&manifests::the_lock_file_holds_no_refused_package(lock[0]));
}

#[test]
fn relative_links_lead_somewhere() {
    assert_none(&documents::relative_links_lead_somewhere(
        &REPOSITORY.root,
        files(),
    ));
}

#[test]
fn no_file_holds_a_forbidden_word() {
    assert_none(&documents::no_file_holds_a_forbidden_word(files()));
}
