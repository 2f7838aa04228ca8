//! Connections whose transactions must not outlive their purpose: those of commits, and of beats.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::connect::check_durable;
use crate::Error;
use crate::error::failed_to;

/// Settings of each session. A transaction whose client stopped in its midst ends after a second,
/// and so does a statement whose client is gone; neither then holds a row that the next owner needs
/// (rule R1).
const SETTINGS: [(&str, &str); 3] = [
    ("idle_in_transaction_session_timeout", "1000"),
    ("client_connection_check_interval", "1000"),
    ("tcp_user_timeout", "5000"),
];

const BEGIN: &str = "begin a transaction";

/// Connections that nobody uses just now.
///
/// Not the pool: a connection whose transaction did not end well is closed, never mended, so that
/// the server forgets the transaction as well.
#[derive(Debug)]
pub(super) struct Sessions {
    connect: PgConnectOptions,
    patience: Duration,
    idle: Mutex<Vec<PgConnection>>,
    permits: Semaphore,
}

/// A connection in the midst of a transaction; it is closed with this value.
pub(super) struct Session<'s> {
    sessions: &'s Sessions,
    pub(super) connection: PgConnection,
    _permit: SemaphorePermit<'s>,
}

impl Sessions {
    /// At most `count` connections that the server knows by `name`.
    pub(super) fn new(
        connect: PgConnectOptions,
        name: &str,
        count: u32,
        patience: Duration,
    ) -> Self {
        let count = usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            connect: connect.application_name(name).options(SETTINGS),
            patience,
            idle: Mutex::default(),
            permits: Semaphore::new(count.max(1)),
        }
    }

    /// Begins a transaction with the given statements.
    ///
    /// A connection that lay idle may have died meanwhile, which shows here; then the next one is
    /// tried, and at last a new one.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses.
    pub(super) async fn begin(&self, sql: &str) -> Result<Session<'_>, Error> {
        let permit = timeout(self.patience, self.permits.acquire())
            .await
            .map_err(|_| failed_to(BEGIN)(sqlx::Error::PoolTimedOut))?
            .map_err(|_| failed_to(BEGIN)(sqlx::Error::PoolClosed))?;
        let session = |connection| Session {
            sessions: self,
            connection,
            _permit: permit,
        };
        while let Some(mut connection) = self.pop() {
            match self.begin_on(&mut connection, sql).await {
                Err(error) if !error.is_refusal() => {}
                result => return result.map(|()| session(connection)),
            }
        }
        let mut connection = self.connect().await?;
        self.begin_on(&mut connection, sql).await?;
        Ok(session(connection))
    }

    async fn begin_on(&self, connection: &mut PgConnection, sql: &str) -> Result<(), Error> {
        let beginning = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection);
        timeout(self.patience, beginning)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(failed_to(BEGIN))?;
        Ok(())
    }

    async fn connect(&self) -> Result<PgConnection, Error> {
        let connecting = timeout(self.patience, self.connect.connect());
        let mut connection = connecting
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(failed_to("connect"))?;
        check_durable(&mut connection).await?;
        Ok(connection)
    }

    fn pop(&self) -> Option<PgConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }

    pub(super) async fn close(&self) {
        self.permits.close();
        while let Some(connection) = self.pop() {
            // What has nothing to say any more need not be heard.
            let _ = connection.close().await;
        }
    }
}

impl Session<'_> {
    /// Keeps the connection for the next transaction: this one has ended well.
    pub(super) fn keep(self) {
        let mut idle = self
            .sessions
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        idle.push(self.connection);
    }
}
