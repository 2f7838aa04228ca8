//! The connection is cut at COMMIT: before the server hears of it, or before its answer arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use insula_store::{CommitError, PostgresOptions, Store};
use insula_types::record::Record;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::sample;
use crate::server::Database;
use crate::site::{Site, cell, commit, take};

const NOWHERE: u8 = 0;
const BEFORE_COMMIT: u8 = 1;
const AFTER_COMMIT: u8 = 2;

/// Stands between a store and its server, and cuts every connection that commits where it is told.
struct Proxy {
    port: u16,
    cut: Arc<AtomicU8>,
    task: JoinHandle<()>,
}

impl Proxy {
    async fn start(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = database.address();
        let cut = Arc::new(AtomicU8::new(NOWHERE));
        let told = Arc::clone(&cut);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server.clone()).await.unwrap();
                tokio::spawn(relay(client, server, Arc::clone(&told)));
            }
        });
        Self { port, cut, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends when either side closes, or at the cut.
async fn relay(mut client: TcpStream, mut server: TcpStream, cut: Arc<AtomicU8>) {
    let (mut asked, mut answered) = ([0; 4_096], [0; 4_096]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let question = &asked[..length];
                let at_commit = question.windows(8).any(|text| text == b"; COMMIT");
                let cut = cut.load(Ordering::Relaxed);
                if at_commit && cut == BEFORE_COMMIT || server.write_all(question).await.is_err() {
                    return;
                }
                if at_commit && cut == AFTER_COMMIT {
                    // The answer is there, so it has happened.
                    let _unheard = server.read(&mut answered).await;
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_is_read_from_the_number() {
    for (cut, happened) in [(BEFORE_COMMIT, false), (AFTER_COMMIT, true)] {
        let Some(site) = Site::postgres() else { return };
        let Site::Postgres(database) = &site else {
            return;
        };
        drop(site.open().await);
        let proxy = Proxy::start(database).await;
        let url = database.url_at("127.0.0.1", proxy.port);
        let store = Store::connect(&url, PostgresOptions::default())
            .await
            .unwrap();
        let owner = take(&store).await;

        proxy.cut.store(cut, Ordering::Relaxed);
        let records = vec![Record::Role(sample::role("a"))];
        let lost = commit(&store, &owner, owner.commit_no, records)
            .await
            .unwrap_err();
        assert!(matches!(lost, CommitError::OutcomeUnknown { .. }), "{lost}");

        proxy.cut.store(NOWHERE, Ordering::Relaxed);
        let again = take(&store).await;
        assert_eq!(again.commit_no > owner.commit_no, happened);
        let roles = store.load(&cell()).await.unwrap().roles;
        assert_eq!(roles.len(), usize::from(happened));
        commit(&store, &again, again.commit_no, vec![])
            .await
            .unwrap();
    }
}
