//! Queries that both databases understand, run on whichever it is.

use sqlx::{Postgres, Sqlite, Transaction};

use super::Store;
use crate::rows::task::Places;
use crate::rows::{AnyRow, Query};
use crate::{Error, postgres, sqlite};

/// What a reader sees: the database as it was at one moment. Ends unchanged when it is dropped.
pub(super) enum Snapshot {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Snapshot {
    pub(super) async fn all<T>(
        &mut self,
        query: Query<'_>,
        operation: &'static str,
        decode: impl Fn(AnyRow<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        match self {
            Self::Sqlite(transaction) => {
                let rows = sqlite::read::fetch_all(&mut **transaction, query, operation).await?;
                rows.iter().map(|row| decode(row.into())).collect()
            }
            Self::Postgres(transaction) => {
                let rows = postgres::read::fetch_all(&mut **transaction, query, operation).await?;
                rows.iter().map(|row| decode(row.into())).collect()
            }
        }
    }
}

impl Store {
    pub(super) async fn snapshot(&self) -> Result<Snapshot, Error> {
        match self {
            Self::Sqlite(store) => store.snapshot().await.map(Snapshot::Sqlite),
            Self::Postgres(store) => store.snapshot().await.map(Snapshot::Postgres),
        }
    }

    pub(super) async fn all<T>(
        &self,
        query: Query<'_>,
        operation: &'static str,
        decode: impl Fn(AnyRow<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        match self {
            Self::Sqlite(store) => {
                let rows = sqlite::read::fetch_all(&store.readers, query, operation).await?;
                rows.iter().map(|row| decode(row.into())).collect()
            }
            Self::Postgres(store) => {
                let rows = postgres::read::fetch_all(&store.pool, query, operation).await?;
                rows.iter().map(|row| decode(row.into())).collect()
            }
        }
    }

    /// The first row, if there is one.
    pub(super) async fn first<T>(
        &self,
        query: Query<'_>,
        operation: &'static str,
        decode: impl Fn(AnyRow<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let rows = self.all(query, operation, decode).await?;
        Ok(rows.into_iter().next())
    }

    /// Executes a statement that writes, and says how many rows it changed.
    pub(super) async fn execute(
        &self,
        query: Query<'_>,
        operation: &'static str,
    ) -> Result<u64, Error> {
        match self {
            Self::Sqlite(store) => sqlite::read::execute(&store.writer, query, operation).await,
            Self::Postgres(store) => postgres::read::execute(&store.pool, query, operation).await,
        }
    }

    pub(super) fn places(&self) -> Places {
        match self {
            Self::Sqlite(_) => sqlite::PLACES,
            Self::Postgres(_) => postgres::PLACES,
        }
    }
}
