//! Modules: bytes named by what they are, owned by tenants.

use insula_store::{Digest, Error, Module, ModuleKind, Store};
use insula_types::{TenantId, Time};
use tokio::io::AsyncReadExt;

use crate::site::Site;

async fn keep(store: &Store, tenant: &str, name: &str, bytes: &[u8]) -> Module {
    let mut upload = store.upload(100).await.unwrap();
    for chunk in bytes.chunks(3) {
        upload.write(chunk).await.unwrap();
    }
    upload
        .keep(&TenantId::from(tenant), name, ModuleKind::Core, Time(5))
        .await
        .unwrap()
}

async fn bytes(store: &Store, digest: &Digest) -> Vec<u8> {
    let mut bytes = Vec::new();
    store
        .open_module(digest)
        .await
        .unwrap()
        .read_to_end(&mut bytes)
        .await
        .unwrap();
    bytes
}

fn files(site: &Site) -> usize {
    std::fs::read_dir(site.directory().join("modules"))
        .unwrap()
        .count()
}

#[tokio::test]
async fn a_module_is_named_by_its_bytes_and_seen_by_its_owner_alone() {
    let site = Site::durable();
    let store = site.open().await;
    let module = keep(&store, "a", "hello", b"hello").await;
    let sha256 = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(module.digest.to_string(), sha256);
    assert_eq!((module.bytes, module.kind), (5, ModuleKind::Core));
    assert_eq!(bytes(&store, &module.digest).await, b"hello");
    let tenant = TenantId::from("a");
    assert_eq!(
        store.module(&tenant, &module.digest).await.unwrap(),
        Some(module.clone())
    );
    assert_eq!(
        store
            .module(&TenantId::from("b"), &module.digest)
            .await
            .unwrap(),
        None
    );
    let renamed = keep(&store, "a", "again", b"hello").await;
    assert_eq!(
        renamed,
        Module {
            name: "again".to_owned(),
            ..module
        }
    );
    assert_eq!(
        store.list_modules(&tenant, None, 10).await.unwrap(),
        [renamed]
    );
}

#[tokio::test]
async fn the_bytes_stay_until_the_last_owner_removes_them() {
    let site = Site::durable();
    let store = site.open().await;
    let (one, two) = (TenantId::from("a"), TenantId::from("b"));
    let digest = keep(&store, "a", "hello", b"hello").await.digest;
    keep(&store, "b", "hello", b"hello").await;
    assert!(store.remove_module(&one, &digest).await.unwrap());
    assert!(!store.remove_module(&one, &digest).await.unwrap());
    assert_eq!(bytes(&store, &digest).await, b"hello");
    assert!(store.remove_module(&two, &digest).await.unwrap());
    assert!(store.open_module(&digest).await.is_err());
    assert_eq!(files(&site), 0);
}

#[tokio::test]
async fn an_upload_that_is_too_large_or_given_up_leaves_nothing() {
    let site = Site::durable();
    let store = site.open().await;
    let mut upload = store.upload(4).await.unwrap();
    upload.write(b"1234").await.unwrap();
    let refused = upload.write(b"5").await.unwrap_err();
    assert!(
        matches!(refused, Error::ModuleTooLarge { max: 4 }),
        "{refused}"
    );
    drop(upload);
    assert_eq!(files(&site), 0);
}

#[tokio::test]
async fn what_a_crash_left_of_an_upload_is_swept_away_at_the_next_start() {
    let site = Site::durable();
    let store = site.open().await;
    let module = keep(&store, "a", "hello", b"hello").await;
    std::mem::forget(store.upload(4).await.unwrap());
    assert_eq!(files(&site), 2);
    store.close().await;
    // The forgotten upload still holds the lock of this process: look at a copy of the directory.
    let copy = Site::durable();
    for folder in ["", "modules"] {
        std::fs::create_dir_all(copy.directory().join(folder)).unwrap();
        for entry in std::fs::read_dir(site.directory().join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let to = copy.directory().join(folder).join(entry.file_name());
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let store = copy.open().await;
    assert_eq!(files(&copy), 1);
    assert_eq!(bytes(&store, &module.digest).await, b"hello");
}

#[tokio::test]
async fn a_store_in_memory_says_that_it_keeps_no_modules() {
    let store = Site::Memory.open().await;
    assert!(matches!(store.upload(1).await, Err(Error::NoModules)));
}
