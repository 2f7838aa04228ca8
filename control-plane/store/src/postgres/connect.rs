//! Connecting to a database.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, Row};

use super::deployment::fix_partitions;
use super::sessions::Sessions;
use super::{Store, migrate};
use crate::Error;
use crate::error::failed_to;

/// How a replica uses a Postgres database. All its connections count towards the server's
/// `max_connections`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Most commits that are under way at once, each on a connection of its own. Partitions beyond
    /// that wait for each other; a commit takes milliseconds.
    pub commits: u32,
    /// Most connections for everything else.
    pub connections: u32,
    /// How long a caller waits for a connection.
    pub patience: Duration,
    /// How many partitions the database is to have. It is decided once, when the database is made,
    /// by default as [`PARTITIONS_DEFAULT`](crate::PARTITIONS_DEFAULT); later only the same number is accepted.
    pub partitions: Option<u16>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            commits: 8,
            connections: 8,
            patience: Duration::from_secs(5),
            partitions: None,
        }
    }
}

/// Most beats at once. A replica makes one after the other; one that was given up may linger.
const BEATS: u32 = 2;

impl Store {
    pub(crate) async fn connect(url: &str, options: PostgresOptions) -> Result<Self, Error> {
        let connect = parse(url)?;
        let server = server(&connect);
        let failed = |source| Error::Connect {
            server: server.clone(),
            source,
        };
        let mut first = connect.connect().await.map_err(failed)?;
        check_durable(&mut first).await?;
        migrate::migrate(&mut first).await?;
        let partitions = fix_partitions(&mut first, options.partitions).await?;
        first.close().await.map_err(failed_to("say goodbye"))?;
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.patience)
            .connect_with(connect.clone())
            .await
            .map_err(failed)?;
        Ok(Self {
            beats: Arc::new(Sessions::new(
                connect.clone(),
                "insula-beat",
                BEATS,
                options.patience,
            )),
            sessions: Arc::new(Sessions::new(
                connect,
                "insula-commit",
                options.commits,
                options.patience,
            )),
            pool,
            partitions,
        })
    }
}

fn parse(url: &str) -> Result<PgConnectOptions, Error> {
    let refused = |source| Error::Connect {
        server: "the database of that URL".to_owned(),
        source,
    };
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        let expected = "it does not begin with postgres://";
        return Err(refused(sqlx::Error::Configuration(expected.into())));
    }
    let connect = PgConnectOptions::from_str(url).map_err(refused)?;
    Ok(connect
        .application_name("insula")
        // Such as that a table exists already, which each start would log.
        .options([("client_min_messages", "warning")])
        .disable_statement_logging())
}

/// For people; without the password.
fn server(connect: &PgConnectOptions) -> String {
    let database = connect
        .get_database()
        .unwrap_or_else(|| connect.get_username());
    match connect.get_socket() {
        Some(socket) => format!("{database} at {}", socket.display()),
        None => format!(
            "{database} at {}:{}",
            connect.get_host(),
            connect.get_port()
        ),
    }
}

/// Refuses a server that may forget what it acknowledged (rule R5).
///
/// # Errors
/// [`Error::Forgetful`] names the first setting that is off.
pub(super) async fn check_durable(connection: &mut PgConnection) -> Result<(), Error> {
    let sql = "SELECT name FROM pg_settings
               WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
                 AND setting = 'off'
               ORDER BY name LIMIT 1";
    let row = sqlx::query(sql)
        .fetch_optional(connection)
        .await
        .map_err(failed_to("read its settings"))?;
    match row {
        Some(row) => Err(Error::Forgetful {
            setting: row
                .try_get("name")
                .map_err(failed_to("read its settings"))?,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_server_is_named_without_its_password() {
        let connect = parse("postgres://insula:secret@db.example:6543/truth").unwrap();
        assert_eq!(server(&connect), "truth at db.example:6543");
        let connect = parse("postgres:///?user=insula&host=/run/postgresql").unwrap();
        assert_eq!(server(&connect), "insula at /run/postgresql");
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        let refused = parse("insula:secret@db").unwrap_err();
        assert!(!format!("{refused:?}").contains("secret"), "{refused:?}");
    }
}
