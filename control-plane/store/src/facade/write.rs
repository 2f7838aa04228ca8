//! Transactions of queries that both databases understand.

use sqlx::{Postgres, Sqlite, Transaction};

use super::Store;
use crate::error::failed_to;
use crate::rows::{AnyRow, Query};
use crate::{Error, postgres, sqlite};

/// Changes that happen together. Dropped without [`Self::commit`], none of them happens.
pub(super) enum Writing {
    /// Nobody else writes meanwhile.
    Sqlite(Transaction<'static, Sqlite>),
    /// Others write meanwhile: what a decision rests on must be locked.
    Postgres(Transaction<'static, Postgres>),
}

impl Writing {
    /// The first row, if there is one, which nobody else changes until this has ended.
    pub(super) async fn lock_first<T>(
        &mut self,
        query: Query<'_>,
        operation: &'static str,
        decode: impl Fn(AnyRow<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self {
            Self::Sqlite(transaction) => {
                let row = sqlite::read::fetch_optional(&mut **transaction, query, operation);
                row.await?
                    .as_ref()
                    .map(|row| decode(row.into()))
                    .transpose()
            }
            Self::Postgres(transaction) => {
                let query = query.sql(" FOR UPDATE");
                let row = postgres::read::fetch_optional(&mut **transaction, query, operation);
                row.await?
                    .as_ref()
                    .map(|row| decode(row.into()))
                    .transpose()
            }
        }
    }

    pub(super) async fn execute(
        &mut self,
        query: Query<'_>,
        operation: &'static str,
    ) -> Result<u64, Error> {
        match self {
            Self::Sqlite(transaction) => {
                sqlite::read::execute(&mut **transaction, query, operation).await
            }
            Self::Postgres(transaction) => {
                postgres::read::execute(&mut **transaction, query, operation).await
            }
        }
    }

    pub(super) async fn commit(self, operation: &'static str) -> Result<(), Error> {
        let done = match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        };
        done.map_err(failed_to(operation))
    }
}

impl Store {
    pub(super) async fn write(&self) -> Result<Writing, Error> {
        match self {
            Self::Sqlite(store) => store.begin().await.map(Writing::Sqlite),
            Self::Postgres(store) => {
                let begun = store.pool.begin().await;
                begun
                    .map(Writing::Postgres)
                    .map_err(failed_to("begin to write"))
            }
        }
    }
}
