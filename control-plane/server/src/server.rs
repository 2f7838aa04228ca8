//! One control plane: store, scheduler, gateways and the port, started and stopped together.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::middleware;
use insula_proto::join_token::JoinToken;
use insula_store::{Authority as StoredAuthority, Store};
use insula_types::{CellId, PartitionId, Span};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::auth::DEFAULT;
use crate::authority::Authority;
use crate::events::EventLog;
use crate::gateway::{agent, api, mesos};
use crate::partition::{self, Driver};
use crate::relay::Relay;
use crate::service::{Reached, Service, wall_clock};
use crate::stopping::Stopping;
use crate::{authority, front};

/// How long the last commit may take when the server stops.
const FLUSH: Duration = Duration::from_secs(5);
/// Modules that are taken in at a time: with the largest, half a gigabyte of memory.
const UPLOADS_MAX: usize = 8;

/// What a control plane needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the store is.
    pub data_dir: PathBuf,
    /// Whether a commit survives a power loss, or only the end of the process.
    pub durability: insula_store::Durability,
    /// Durations and bounds of the kernel.
    pub kernel: insula_kernel::Config,
    /// Time between two heartbeats of a Mesos stream.
    pub heartbeat_interval: Duration,
}

impl Options {
    /// The usual durations and bounds.
    #[must_use]
    pub fn new(listen: SocketAddr, data_dir: PathBuf) -> Self {
        Self {
            listen,
            data_dir,
            durability: insula_store::Durability::default(),
            kernel: insula_kernel::Config::default(),
            heartbeat_interval: mesos::HEARTBEAT_INTERVAL,
        }
    }
}

/// Why a control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port cannot be opened.
    #[error(transparent)]
    Listen(#[from] front::ListenError),
    /// The data directory cannot be used.
    #[error("cannot use the data directory {}", directory.display())]
    Store {
        /// Which.
        directory: PathBuf,
        /// Why not.
        #[source]
        source: insula_store::Error,
    },
    /// The scheduler cannot be started.
    #[error(transparent)]
    Partition(#[from] partition::StartError),
    /// Certificates cannot be made or read.
    #[error(transparent)]
    Authority(#[from] authority::Error),
    /// TLS cannot be offered.
    #[error(transparent)]
    Tls(#[from] front::TlsError),
}

/// A control plane that runs. Dropping it ends it at once, as a crash would.
pub struct Server {
    address: SocketAddr,
    store: Store,
    reached: Reached,
    driver: Driver,
    stopping: Stopping,
    serving: AbortOnDropHandle<()>,
}

impl Server {
    /// Opens the port first, so that a taken one is found before anything is changed; then the store,
    /// the scheduler and the gateways.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let listener = front::bind(options.listen).await?;
        let address = listener.local_addr().unwrap_or(options.listen);
        let store = open(&options).await?;
        let authorities = Authorities::keep(&store, &options.data_dir).await?;
        let tls = authorities.tls(address)?;
        let driver = start_driver(&store, &options).await?;
        let reached = Reached {
            address: reachable(address).to_string(),
            fingerprint: authorities.service.fingerprint(),
        };
        let stopping = Stopping::default();
        let service = Arc::new(Service {
            handle: driver.handle().clone(),
            store: store.clone(),
            events: EventLog::follow(driver.handle()),
            relay: Relay::default(),
            organization: authorities.organization,
            reached: reached.clone(),
            stopping: stopping.clone(),
            uploads: Semaphore::new(UPLOADS_MAX),
        });
        let router = router(service, &options, address);
        let serving = tokio::spawn(front::serve(listener, tls, router, stopping.clone()));
        Ok(Self {
            address,
            store,
            reached,
            driver,
            stopping,
            serving: AbortOnDropHandle::new(serving),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The scheduler, for questions from the same process.
    #[must_use]
    pub fn handle(&self) -> &partition::Handle {
        self.driver.handle()
    }

    /// Makes a token that lets `uses` machines join until `life` is over.
    ///
    /// # Errors
    /// What the store says.
    pub async fn token(&self, uses: u32, life: Span) -> Result<JoinToken, insula_store::Error> {
        let cell = CellId::from(DEFAULT);
        let made = agent::make_token(&self.store, &cell, &self.reached, uses, life).await;
        made.map(|(token, _)| token)
    }

    /// Ends in order: no new connections, then the last commit and its answers, then whatever would
    /// go on for ever; all within seconds.
    ///
    /// # Errors
    /// [`partition::NotFlushed`] if the last commit did not come through in time.
    pub async fn stop(self) -> Result<(), partition::NotFlushed> {
        self.stopping.close();
        let flushed = self.driver.stop(FLUSH).await;
        self.stopping.end();
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the listener failed");
        }
        self.store.close().await;
        flushed
    }
}

async fn open(options: &Options) -> Result<Store, StartError> {
    let store_options = insula_store::Options {
        durability: options.durability,
        ..insula_store::Options::default()
    };
    let store = Store::open(&options.data_dir, store_options).await;
    store.map_err(unusable(&options.data_dir))
}

fn unusable(directory: &Path) -> impl Fn(insula_store::Error) -> StartError {
    |source| StartError::Store {
        directory: directory.to_owned(),
        source,
    }
}

async fn start_driver(store: &Store, options: &Options) -> Result<Driver, partition::StartError> {
    let options = partition::Options {
        partition: PartitionId(0),
        cell: CellId::from(DEFAULT),
        kernel: options.kernel.clone(),
        retention: insula_store::Retention::default(),
    };
    Driver::start(store.clone(), options).await
}

fn router(service: Arc<Service>, options: &Options, address: SocketAddr) -> axum::Router {
    let advertised = reachable(address);
    let mesos = mesos::MesosState {
        handle: service.handle.clone(),
        store: service.store.clone(),
        cell: CellId::from(DEFAULT),
        master: Arc::new(mesos::Master {
            id: Uuid::new_v4().to_string(),
            hostname: advertised.ip().to_string(),
            ip: advertised.ip(),
            port: advertised.port(),
            started_at: wall_clock(),
        }),
        heartbeat_interval: options.heartbeat_interval,
    };
    api::router(Arc::clone(&service))
        .merge(agent::router(service))
        .merge(mesos::router(mesos))
        .layer(middleware::from_fn(front::guard))
}

/// Who signs what: kept in the store, made at the first start.
struct Authorities {
    service: Authority,
    organization: Authority,
}

impl Authorities {
    async fn keep(store: &Store, directory: &Path) -> Result<Self, StartError> {
        let cell = CellId::from(DEFAULT);
        let organization = format!("organization {DEFAULT}");
        Ok(Self {
            service: keep(store, directory, "service", None).await?,
            organization: keep(store, directory, &organization, Some(cell)).await?,
        })
    }

    fn tls(&self, address: SocketAddr) -> Result<Arc<rustls::ServerConfig>, StartError> {
        let (chain, key) = self
            .service
            .issue_server(&names(address), SystemTime::now())?;
        let organizations = [self.organization.certificate().clone()];
        Ok(front::server_config(chain, key, &organizations)?)
    }
}

/// The authority of that name: the one that the store keeps, or a new one that it keeps from now on.
async fn keep(
    store: &Store,
    directory: &Path,
    name: &str,
    cell: Option<CellId>,
) -> Result<Authority, StartError> {
    let failed = unusable(directory);
    if let Some(kept) = store.authority(name).await.map_err(&failed)? {
        return Ok(Authority::load(&kept.certificate, &kept.private_key)?);
    }
    let made = Authority::generate(&format!("insula {name}"), SystemTime::now())?;
    let row = StoredAuthority {
        name: name.to_owned(),
        cell,
        certificate: made.certificate().to_vec(),
        private_key: made.key().to_vec(),
        created_at: wall_clock(),
    };
    store.keep_authority(&row).await.map_err(&failed)?;
    Ok(made)
}

/// Names that the server's certificate carries beside its own.
fn names(address: SocketAddr) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    let listens = address.ip().to_string();
    if !address.ip().is_unspecified() && !names.contains(&listens) {
        names.push(listens);
    }
    names
}

/// An address that can be dialled: that of loopback where the server listens on all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
