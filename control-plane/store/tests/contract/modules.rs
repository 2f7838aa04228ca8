//! Modules: bytes named by what they are, owned by tenants.

use insula_store::{Digest, Error, Module, ModuleKind, Store};
use insula_types::{TenantId, Time};
use sqlx::Row;

use crate::server::Database;
use crate::site::{Site, open};

/// Takes the bytes in, `piece` of them at a time.
async fn keep_in_pieces(
    store: &Store,
    tenant: &str,
    name: &str,
    bytes: &[u8],
    piece: usize,
) -> Module {
    let mut upload = store.upload(bytes.len() as u64).await.unwrap();
    for bytes in bytes.chunks(piece) {
        upload.write(bytes).await.unwrap();
    }
    upload
        .keep(&TenantId::from(tenant), name, ModuleKind::Core, Time(5))
        .await
        .unwrap()
}

async fn keep(store: &Store, tenant: &str, name: &str, bytes: &[u8]) -> Module {
    keep_in_pieces(store, tenant, name, bytes, 3).await
}

async fn bytes(store: &Store, digest: &Digest) -> Vec<u8> {
    let mut all = Vec::new();
    let mut bytes = store.open_module(digest).await.unwrap();
    while let Some(piece) = bytes.next(1_000).await.unwrap() {
        assert!((1..=1_000).contains(&piece.len()));
        all.extend_from_slice(&piece);
    }
    all
}

/// How many modules' bytes there are, those of unfinished uploads as well.
async fn kept(site: &Site) -> usize {
    match site {
        Site::Postgres(database) => blobs(database).await,
        site => std::fs::read_dir(site.directory().join("modules"))
            .unwrap()
            .count(),
    }
}

async fn blobs(database: &Database) -> usize {
    let mut connection = database.connect().await;
    let sql = "SELECT count(DISTINCT blob) AS blobs FROM (
                   SELECT blob FROM module_blob UNION ALL SELECT blob FROM module_chunk
               ) AS all_blobs";
    let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
    usize::try_from(row.get::<i64, _>("blobs")).unwrap()
}

#[tokio::test]
async fn a_module_is_named_by_its_bytes_and_seen_by_its_owner_alone() {
    for site in Site::durable() {
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
}

#[tokio::test]
async fn the_bytes_stay_until_the_last_owner_removes_them() {
    for site in Site::durable() {
        let store = site.open().await;
        let (one, two) = (TenantId::from("a"), TenantId::from("b"));
        let digest = keep(&store, "a", "hello", b"hello").await.digest;
        keep(&store, "b", "hello", b"hello").await;
        assert!(store.remove_module(&one, &digest).await.unwrap());
        assert!(!store.remove_module(&one, &digest).await.unwrap());
        assert_eq!(bytes(&store, &digest).await, b"hello");
        assert!(store.remove_module(&two, &digest).await.unwrap());
        assert!(store.open_module(&digest).await.is_err());
        assert_eq!(kept(&site).await, 0);
    }
}

#[tokio::test]
async fn an_upload_that_is_too_large_or_given_up_leaves_nothing() {
    let site = Site::sqlite();
    let store = site.open().await;
    let mut upload = store.upload(4).await.unwrap();
    upload.write(b"1234").await.unwrap();
    let refused = upload.write(b"5").await.unwrap_err();
    assert!(
        matches!(refused, Error::ModuleTooLarge { max: 4 }),
        "{refused}"
    );
    drop(upload);
    assert_eq!(kept(&site).await, 0);
}

#[tokio::test]
async fn what_a_crash_left_of_an_upload_is_swept_away_at_the_next_start() {
    let site = Site::sqlite();
    let store = site.open().await;
    let module = keep(&store, "a", "hello", b"hello").await;
    std::mem::forget(store.upload(4).await.unwrap());
    assert_eq!(kept(&site).await, 2);
    store.close().await;
    // The forgotten upload still holds the lock of this process: look at a copy of the directory.
    let copy = Site::sqlite();
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
    assert_eq!(kept(&copy).await, 1);
    assert_eq!(bytes(&store, &module.digest).await, b"hello");
}

#[tokio::test]
async fn a_store_in_memory_says_that_it_keeps_no_modules() {
    let store = Site::Memory.open().await;
    assert!(matches!(store.upload(1).await, Err(Error::NoModules)));
}

/// Bytes of which no two mebibytes are the same.
fn many(count: usize) -> Vec<u8> {
    let byte = |place: usize| ((place >> 20) ^ (place * 31)).to_le_bytes()[0];
    (0..count).map(byte).collect()
}

#[tokio::test]
async fn a_large_module_comes_back_as_it_went_in_however_it_was_cut() {
    const MEBIBYTE: usize = 1 << 20;
    for site in Site::durable() {
        let store = site.open().await;
        for (size, piece) in [
            (1, 1),
            (MEBIBYTE - 1, MEBIBYTE),
            (MEBIBYTE, 300_000),
            (3 * MEBIBYTE, 3 * MEBIBYTE),
            (3 * MEBIBYTE + 7, 65_536),
        ] {
            let large = many(size);
            let module = keep_in_pieces(&store, "a", "large", &large, piece).await;
            assert_eq!(module.bytes, size as u64);
            let digest = module.digest;
            assert!(bytes(&store, &digest).await == large, "{size} in {piece}");
            store.remove_module(&"a".into(), &digest).await.unwrap();
        }
        assert_eq!(kept(&site).await, 0);
        let empty = keep(&store, "a", "empty", b"").await;
        assert!(bytes(&store, &empty.digest).await.is_empty());
    }
}

#[tokio::test]
async fn tenants_that_upload_the_same_at_once_share_the_bytes() {
    for site in Site::durable() {
        let store = site.open().await;
        for round in 0..10_u8 {
            let content = [round; 10];
            let (one, two) = tokio::join!(
                keep(&store, "a", "one", &content),
                keep(&store, "b", "two", &content)
            );
            assert_eq!(one.digest, two.digest);
            assert_eq!(kept(&site).await, 1);
            let (tenant, other) = (TenantId::from("a"), TenantId::from("b"));
            let (removed, _) = tokio::join!(
                store.remove_module(&tenant, &one.digest),
                keep(&store, "c", "three", &content)
            );
            assert!(removed.unwrap());
            assert_eq!(bytes(&store, &one.digest).await, content);
            store.remove_module(&other, &one.digest).await.unwrap();
            store.remove_module(&"c".into(), &one.digest).await.unwrap();
            assert_eq!(kept(&site).await, 0);
        }
    }
}

#[tokio::test]
async fn an_upload_that_stood_still_for_an_hour_is_swept_away() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let module = keep(&store, "a", "kept", b"kept").await;
    let mut crashed = store.upload(1 << 24).await.unwrap();
    crashed.write(&many(1 << 21)).await.unwrap();
    let mut slow = store.upload(1 << 24).await.unwrap();
    slow.write(b"slow").await.unwrap();
    assert_eq!(store.sweep_uploads().await.unwrap(), 0);
    let age = "UPDATE module_blob SET touched_at = touched_at - interval '61 minutes'
               WHERE digest IS NOT NULL OR chunks > 0";
    let mut beside = database.connect().await;
    sqlx::query(age).execute(&mut beside).await.unwrap();
    assert_eq!(store.sweep_uploads().await.unwrap(), 1);
    assert_eq!(blobs(&database).await, 2);
    let refused = crashed.write(&many(1 << 21)).await.unwrap_err();
    assert!(matches!(refused, Error::Missing { .. }), "{refused}");
    let slow = slow
        .keep(&"a".into(), "slow", ModuleKind::Core, Time(5))
        .await
        .unwrap();
    assert_eq!(bytes(&store, &slow.digest).await, b"slow");
    assert_eq!(bytes(&store, &module.digest).await, b"kept");
}

#[tokio::test]
async fn a_reader_of_a_module_that_is_removed_is_told_so() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let module = keep_in_pieces(&store, "a", "large", &many(3 << 20), 1 << 20).await;
    let mut reading = store.open_module(&module.digest).await.unwrap();
    assert!(reading.next(1_000).await.unwrap().is_some());
    store
        .remove_module(&"a".into(), &module.digest)
        .await
        .unwrap();
    let told = async {
        while reading.next(1 << 20).await?.is_some() {}
        Ok::<_, Error>(())
    };
    let told = told.await.unwrap_err();
    assert!(
        told.to_string().contains("removed while it was read"),
        "{told}"
    );
}
