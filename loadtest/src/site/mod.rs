//! A control plane of our own: replicas over Postgres and Redis, or one process over SQLite.
//!
//! The databases are given; everything else is started here, in a directory of its own, and is gone
//! when the [`Site`] is dropped.

mod commits;
mod process;
mod processors;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use insula_client::api::Partition;
use insula_client::{Access, Client, Credential};
use insula_types::CellId;
use serde::Deserialize;
use tempfile::TempDir;

use crate::error::Error;
use crate::fleet::{self, Doors};
pub(crate) use commits::Commits;
pub(crate) use process::Process;
pub(crate) use processors::Processors;

/// The cell that every control plane has.
pub(crate) const DEFAULT_CELL: &str = "default";
/// Time between two looks at what nobody announces.
const LOOK: Duration = Duration::from_millis(50);
/// How long replicas may take to spread the partitions: an owner of most gives one away at each beat.
const SPREAD: Duration = Duration::from_secs(180);
/// How long a control plane may take to serve.
const UP: Duration = Duration::from_secs(60);
/// Looks in a row that must find the partitions spread: replicas still move some right after a start.
const SETTLED: u32 = 40;

/// What to start.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Arguments {
    /// The program to measure [default: `insula` beside this one].
    #[arg(long, value_name = "FILE")]
    insula: Option<PathBuf>,
    /// Number of replicas; with 0 it is one process over SQLite instead.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(0..=16))]
    pub(crate) replicas: u16,
    /// An empty database for the replicas.
    #[arg(
        long,
        env = "INSULA_TEST_POSTGRES_URL",
        hide_env_values = true,
        value_name = "postgres://…"
    )]
    database_url: Option<String>,
    /// A broker for the replicas.
    #[arg(
        long,
        env = "INSULA_TEST_REDIS_URL",
        hide_env_values = true,
        value_name = "redis://…"
    )]
    redis_url: Option<String>,
    /// Keep logs and data in this directory, which is made [default: a temporary one].
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// A control plane that runs.
pub(crate) struct Site {
    /// Its processes; those that were ended stay in the list.
    pub(crate) replicas: Vec<Replica>,
    insula: PathBuf,
    database_url: Option<String>,
    credential: Option<Credential>,
    dir: PathBuf,
    // The processes end before their directory is removed.
    _temporary: Option<TempDir>,
}

/// A process of the control plane.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
}

/// What `insula admin cell add --json` says.
#[derive(Debug, Deserialize)]
struct Added {
    partition: u16,
}

impl Site {
    /// Starts it and waits until every replica serves and has its share of the partitions.
    ///
    /// # Errors
    /// If something does not start, or not in time.
    pub(crate) async fn start(arguments: &Arguments) -> Result<Self, Error> {
        let (dir, temporary) = directory(arguments)?;
        let mut site = Self {
            replicas: Vec::new(),
            insula: match &arguments.insula {
                Some(path) => std::path::absolute(path)?,
                None => std::env::current_exe()?.with_file_name("insula"),
            },
            database_url: None,
            credential: None,
            dir,
            _temporary: temporary,
        };
        if arguments.replicas == 0 {
            site.start_embedded()?;
        } else {
            site.start_replicas(arguments)?;
        }
        for replica in 0..site.replicas.len() {
            let client = site.client(replica, DEFAULT_CELL)?;
            let up = until(UP, "the control plane to serve", async || {
                client.frameworks().await.ok()
            });
            up.await.map_err(|error| site.why(replica, error))?;
        }
        if arguments.replicas > 1 {
            site.until_spread().await?;
        }
        Ok(site)
    }

    fn start_embedded(&mut self) -> Result<(), Error> {
        let address = free_address()?;
        let mut command = self.command(&["dev", "--agents", "0"]);
        command.arg("--listen").arg(address.to_string());
        command.arg("--data-dir").arg(self.dir.join("data"));
        self.launch(command, address)
    }

    fn start_replicas(&mut self, arguments: &Arguments) -> Result<(), Error> {
        let (Some(database), Some(broker)) = (&arguments.database_url, &arguments.redis_url) else {
            return Err(Error::Arguments(
                "replicas need --database-url and --redis-url; `loadtest/replicas` starts both servers",
            ));
        };
        self.database_url = Some(database.clone());
        let (ca, operator) = (self.dir.join("ca.pem"), self.dir.join("operator"));
        let mut init = self.command(&["admin", "init"]);
        init.arg("--ca-file")
            .arg(&ca)
            .arg("--operator-file")
            .arg(&operator);
        output(init)?;
        self.credential = Some(fleet::credential(&operator)?);
        for _ in 0..arguments.replicas {
            let address = free_address()?;
            let mut command = self.command(&["server", "--database-url", database]);
            command.args(["--redis-url", broker, "--listen", &address.to_string()]);
            command
                .arg("--ca-file")
                .arg(&ca)
                .arg("--operator-file")
                .arg(&operator);
            self.launch(command, address)?;
        }
        Ok(())
    }

    fn launch(&mut self, command: Command, address: SocketAddr) -> Result<(), Error> {
        let log = self
            .dir
            .join(format!("replica-{}.log", self.replicas.len()));
        let process = Process::start(command, log)?;
        self.replicas.push(Replica { address, process });
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.insula);
        command.args(arguments);
        command
    }

    fn why(&self, replica: usize, error: Error) -> Error {
        match self.replicas[replica].process.last_words() {
            said if said.is_empty() => error,
            said => Error::Failed {
                program: self.insula.display().to_string(),
                said,
            },
        }
    }

    /// A client of one replica, for one cell.
    ///
    /// # Errors
    /// [`Error::Cell`] if it cannot be named so.
    pub(crate) fn client(&self, replica: usize, cell: &str) -> Result<Client, Error> {
        Ok(Client::connect(&Access {
            url: format!("http://{}", self.replicas[replica].address),
            credential: self.credential.clone(),
            cell: Some(CellId::new(cell)?),
            authority: None,
        })?)
    }

    /// Where agents dial: all replicas, or one.
    ///
    /// # Errors
    /// [`Error::Arguments`] if there is no such replica.
    pub(crate) fn doors(&self, only: Option<usize>) -> Result<Doors, Error> {
        let replicas = self.replicas.iter().enumerate();
        let chosen = replicas.filter(|(number, _)| only.is_none_or(|only| only == *number));
        Doors::new(chosen.map(|(_, replica)| replica.address.to_string()))
    }

    /// Adds a cell; says in which partition it is.
    ///
    /// # Errors
    /// If there is no database, or it does not take it.
    pub(crate) fn add_cell(&self, cell: &str) -> Result<u16, Error> {
        let Some(database) = &self.database_url else {
            return Err(Error::Arguments("a control plane over SQLite has one cell"));
        };
        let mut add = self.command(&["admin", "cell", "add", cell, "--json"]);
        add.args(["--database-url", database]);
        let said = output(add)?;
        let added: Added = serde_json::from_str(&said).map_err(|_| Error::Failed {
            program: "insula admin cell add".to_owned(),
            said,
        })?;
        Ok(added.partition)
    }

    /// The replica that owns a partition, as one that lives sees it.
    ///
    /// # Errors
    /// [`Error::Api`].
    pub(crate) async fn owner(
        &self,
        client: &Client,
        partition: u16,
    ) -> Result<Option<usize>, Error> {
        let all = client.partitions().await?;
        Ok(self.find(&all, partition))
    }

    /// The replica that owns a partition, by a list of them.
    pub(crate) fn find(&self, all: &[Partition], partition: u16) -> Option<usize> {
        let found = all.iter().find(|row| row.partition == partition)?;
        let advertise = found.advertise.as_ref()?;
        let mut replicas = self.replicas.iter();
        replicas.position(|replica| replica.address.to_string() == *advertise)
    }

    /// Waits until no replica has more than one partition more than another, for a while.
    async fn until_spread(&self) -> Result<(), Error> {
        let client = self.client(0, DEFAULT_CELL)?;
        let mut settled = 0;
        until(SPREAD, "the partitions to be spread", async || {
            let shares = client.replicas().await.ok()?;
            let most = shares.iter().map(|row| row.partitions).max()?;
            let least = shares.iter().map(|row| row.partitions).min()?;
            let is_spread = shares.len() == self.replicas.len() && most - least <= 1;
            settled = if is_spread { settled + 1 } else { 0 };
            (settled >= SETTLED).then_some(())
        })
        .await
    }

    /// Commits that were logged so far.
    pub(crate) fn commits(&self) -> Commits {
        let logs = self.replicas.iter().map(|replica| replica.process.log());
        Commits::read(logs)
    }
}

/// Where everything is kept, and what removes it.
fn directory(arguments: &Arguments) -> Result<(PathBuf, Option<TempDir>), Error> {
    let Some(path) = &arguments.keep else {
        let temporary = TempDir::with_prefix("insula-loadtest-")?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    let path = std::path::absolute(path)?;
    std::fs::create_dir(&path).map_err(|source| Error::File {
        path: path.clone(),
        source,
    })?;
    Ok((path, None))
}

/// Runs a program to its end; returns what it said.
fn output(mut command: Command) -> Result<String, Error> {
    let path = PathBuf::from(command.get_program());
    let output = command.output();
    let output = output.map_err(|source| Error::Run {
        path: path.clone(),
        source,
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let program = path.display().to_string();
        return Err(Error::Failed { program, said });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(crate) fn free_address() -> Result<SocketAddr, Error> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Looks until there is something to see.
///
/// # Errors
/// [`Error::TooLong`].
pub(crate) async fn until<T>(
    timeout: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T, Error> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(seen) = look().await {
            return Ok(seen);
        }
        if Instant::now() > deadline {
            let what = what.to_owned();
            return Err(Error::TooLong { what });
        }
        tokio::time::sleep(LOOK).await;
    }
}
