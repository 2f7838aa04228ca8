//! Databases of a test's own, on the Postgres server that the environment names.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

/// Names the server: a superuser's URL. `infra/dev-services` starts one and sets it.
const URL: &str = "INSULA_TEST_POSTGRES_URL";

/// A database that goes with this value.
pub(crate) struct Database {
    server: PgConnectOptions,
    name: String,
}

impl Database {
    /// A new, empty database; nothing without a server, which is said aloud.
    pub(crate) fn create() -> Option<Self> {
        let Ok(url) = std::env::var(URL) else {
            eprintln!("skipped: Postgres, since {URL} names no server");
            return None;
        };
        Some(Self::from_template(url.parse().unwrap(), "template1"))
    }

    /// One with everything that this one has now, as a backup that was restored. Nobody may be
    /// connected to this one.
    pub(crate) fn copy(&self) -> Self {
        Self::from_template(self.server.clone(), &self.name)
    }

    fn from_template(server: PgConnectOptions, template: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("insula_test_{}_{number}", std::process::id());
        let database = Self { server, name };
        database.administer(format!("DROP DATABASE IF EXISTS {}", database.name));
        database.administer(format!(
            "CREATE DATABASE {} TEMPLATE {template}",
            database.name
        ));
        database
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name)
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> (String, u16) {
        (self.server.get_host().to_owned(), self.server.get_port())
    }

    /// How a store finds it.
    pub(crate) fn url(&self) -> String {
        self.options().to_url_lossy().into()
    }

    /// How a store finds it at another address, such as that of a proxy, in the clear.
    pub(crate) fn url_at(&self, host: &str, port: u16) -> String {
        let options = self.options().host(host).port(port);
        options.ssl_mode(PgSslMode::Disable).to_url_lossy().into()
    }

    /// A connection beside the store.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.options().connect().await.unwrap()
    }

    /// Executes a statement on the server's own database. On a thread of its own: this is called
    /// inside of runtimes and when values are dropped.
    fn administer(&self, sql: String) {
        let server = self.server.clone();
        let work = async move {
            let mut connection = server.connect().await.unwrap();
            sqlx::query(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .unwrap();
        };
        let thread = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(work);
        });
        thread.join().unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.administer(format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}
