//! An agent from its work directory to its last effect.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use insula_agent_core::{Config, Core};
use insula_isolation::lock::Lock;
use insula_isolation::{machine, process};
use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::agent::{AgentCapabilities, AgentInfo, Enforcement};
use insula_types::{AgentId, Resources, TraceContext};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::clock::Clock;
use crate::driver::{self, Driver, Parts};
use crate::figures::Figures;
use crate::identity::{self, Identity, tls};
use crate::journal::Journal;
use crate::native::{Native, News};
use crate::options::Options;
use crate::output::Outputs;
use crate::session::Sessions;
use crate::shepherd::{self, Client, Enforced};
use crate::task::{Live, Stdins};
use crate::wasm::{self, Room, Setup, Wasm};
use crate::work_dir::{IDENTITY, WorkDir};
use crate::{Error, VERSION, resources};

/// How long the last metrics may take to be sent.
const FLUSHED_WITHIN: Duration = Duration::from_secs(1);

/// How the process of an agent records spans: its name is that of the agent if it has joined, else that of
/// the machine.
#[must_use]
pub fn telemetry(options: &Options) -> insula_telemetry::Settings {
    let joined = Identity::read(&options.work_dir.join(IDENTITY));
    let agent = joined
        .ok()
        .flatten()
        .map(|identity| identity.agent.to_string());
    let named = || {
        options
            .hostname
            .clone()
            .or_else(|| machine::hostname().ok())
    };
    insula_telemetry::Settings {
        service: "insula-agent",
        instance: agent.or_else(named).unwrap_or_default(),
        sampler: None,
        recent: 0,
        tenants: Vec::new(),
    }
}

/// Runs an agent until `shutdown` is ready; then its tasks go on or end, as the options say.
///
/// It joins first if the work directory has not joined yet, and adopts what an earlier agent left.
/// A control plane that is away is no error: the agent tries again until it is back.
///
/// # Errors
/// [`Error`], if the agent cannot start, or has to stop because its journal cannot be written.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
    let dir = WorkDir::open(&options.work_dir)?;
    let _lock = Lock::acquire(&dir.lock())?;
    let hostname = match &options.hostname {
        Some(name) => name.clone(),
        None => machine::hostname()?,
    };
    tokio::pin!(shutdown);
    let mut start = Span::root(span::AGENT_START, Kind::Internal);
    let life = start.context().clone();
    let identity = tokio::select! {
        identity = join(&options, &dir, &hostname, &life) => identity?,
        () = &mut shutdown => return Ok(()),
    };
    start.set(key::AGENT, identity.agent.to_string());
    start.set(key::CELL, identity.cell.clone());
    let figures = Figures::start(&identity.agent, options.metrics.is_some())?;
    let trace_id = life.trace_id_text();
    tracing::info!(agent = %identity.agent, cell = identity.cell, trace_id, "the agent starts");

    let stdins = Stdins::default();
    let (driver, events) = driver::Handle::new();
    let mut native = native(&options, &dir, &identity.agent, stdins.clone(), &life);
    let probe = async {
        match &options.wasm {
            Ok(programs) => wasm::probe(&programs.compiler, &life).await,
            Err(because) => Err(because.clone()),
        }
    };
    let (engine_key, met) = tokio::join!(probe, meet(&mut native));
    let (enforced, welcome) = met?;
    let info = AgentInfo {
        hostname,
        resources: offered(&options, dir.root())?,
        attributes: options.attributes.clone(),
        capabilities: capabilities(&enforced, engine_key.as_ref().err()),
        version: VERSION.to_owned(),
    };

    let (core, journal, rebooted) = recover(&dir, &identity, info)?;
    let live = Live::new(core.live().map(|task| task.launch));
    let outputs = Outputs {
        dir: dir.clone(),
        live: live.clone(),
        stdins: stdins.clone(),
    };
    let tls = tls::identified(&identity).map_err(identity::Error::Certificate)?;
    let (agent, address) = (identity.agent.clone(), identity.address.clone());
    let (sessions, service) = Sessions::new(
        agent,
        address,
        tls,
        options.keep_alive,
        driver.clone(),
        outputs,
        figures.clone(),
    );

    // Aborted, and with them whatever they wait for, when the driver has ended.
    let mut beside = JoinSet::new();
    let wasm = match (options.wasm, engine_key) {
        (Ok(programs), Ok(engine_key)) => {
            let setup = Setup {
                programs,
                engine_key,
                dir: dir.clone(),
                driver,
                service,
                stdins: stdins.clone(),
                life: life.clone(),
                figures: figures.clone(),
            };
            let (wasm, room) = open_room(setup)?;
            beside.spawn(room.run());
            wasm
        }
        (_, Err(because)) | (Err(because), _) => {
            Wasm::missing(because, dir.clone(), stdins.clone())
        }
    };
    beside.spawn(sessions.run());
    if let Some(address) = options.metrics {
        beside.spawn(figures.serve(address).await?);
    }

    let clock = Clock::start();
    let parts = Parts {
        core,
        clock,
        journal,
        native,
        wasm,
        events,
        live,
        stdins,
        dir,
        rebooted,
        life,
        figures: figures.clone(),
    };
    drop(start);
    let ended = Driver::new(parts, welcome)
        .run(shutdown, options.shutdown)
        .await;
    // Blocks for as long as the receiver takes.
    let shut = tokio::task::spawn_blocking(move || figures.shut(FLUSHED_WITHIN));
    let _late = tokio::time::timeout(FLUSHED_WITHIN, shut).await;
    ended
}

async fn join(
    options: &Options,
    dir: &WorkDir,
    hostname: &str,
    life: &TraceContext,
) -> Result<Identity, identity::Error> {
    let path = dir.identity();
    match (Identity::read(&path)?, &options.join) {
        (None, None) => Err(identity::Error::NoToken { path }),
        (None, Some(token)) => {
            let joining = dir.joining();
            let identity = identity::enroll(token, hostname, &joining, life).await?;
            identity.write(&path)?;
            // The key is in the identity now; a copy that cannot be removed is as private as that.
            let _ = std::fs::remove_file(joining);
            Ok(identity)
        }
        (Some(identity), None) => Ok(identity),
        (Some(identity), Some(token)) if token.fingerprint != identity.fingerprint => {
            Err(identity::Error::OtherService)
        }
        (Some(identity), Some(token)) if token.address == identity.address => Ok(identity),
        (Some(mut identity), Some(token)) => {
            identity.address.clone_from(&token.address);
            identity.write(&path)?;
            Ok(identity)
        }
    }
}

fn native(
    options: &Options,
    dir: &WorkDir,
    agent: &AgentId,
    stdins: Stdins,
    life: &TraceContext,
) -> Native {
    let parent = options.cgroups.enabled.then(|| cgroup_parent(agent));
    let mut shepherd = shepherd::Options::new(dir.shepherd(), parent);
    shepherd
        .cgroup_delegated
        .clone_from(&options.cgroups.delegated);
    shepherd
        .memory_delegated
        .clone_from(&options.cgroups.memory_delegated);
    shepherd.die_with_agent_ms = options
        .die_with_agent
        .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
    let client = Client::new(options.shepherd.clone(), shepherd, life.clone());
    Native::new(client, dir.clone(), stdins)
}

/// One group for each agent, since several may run on one machine. Agent ids may hold characters
/// that the kernel keeps for itself.
fn cgroup_parent(agent: &AgentId) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = agent.as_str().chars().map(plain).take(100).collect();
    format!("insula/agent-{name}")
}

/// Waits for the shepherd's first words, which say what this machine can enforce.
async fn meet(native: &mut Native) -> Result<(Enforced, News), shepherd::Error> {
    loop {
        if let News::Welcome(welcome) = native.next().await? {
            return Ok((welcome.enforced.clone(), News::Welcome(welcome)));
        }
    }
}

fn offered(options: &Options, dir: &Path) -> Result<Resources, machine::Error> {
    match &options.resources {
        Some(resources) => Ok(resources.clone()),
        None => resources::detect(dir),
    }
}

fn capabilities(enforced: &Enforced, wasm_missing: Option<&String>) -> AgentCapabilities {
    let limits = [
        ("cpus", &enforced.cpu),
        ("mem", &enforced.memory),
        ("pids", &enforced.pids),
    ];
    let limit = |(name, limit): (&str, &insula_isolation::cgroup::Enforcement)| {
        let missing = match limit {
            insula_isolation::cgroup::Enforcement::Enforced => None,
            insula_isolation::cgroup::Enforcement::NotEnforced { because } => Some(because.clone()),
        };
        (name.to_owned(), Enforcement { missing })
    };
    AgentCapabilities {
        native: true,
        wasm: wasm_missing.is_none(),
        wasm_missing: wasm_missing.cloned(),
        limits: limits.map(limit).into_iter().collect(),
    }
}

/// The core as the journal has it, and the journal rewritten to just that.
fn recover(
    dir: &WorkDir,
    identity: &Identity,
    info: AgentInfo,
) -> Result<(Core, Journal, bool), Error> {
    let path = dir.journal();
    let boot_id = process::boot_id()?;
    let opened = Journal::read(&path)?;
    let rebooted = opened.boot_id.is_some_and(|before| before != boot_id);
    let who = insula_agent_core::Identity {
        checkpoint: identity.checkpoint.clone(),
        info,
    };
    let nonce = Uuid::new_v4().as_u128();
    let core = Core::load(Config::default(), who, nonce, opened.records).map_err(|source| {
        Error::Records {
            path: path.clone(),
            source,
        }
    })?;
    let journal = Journal::create(&path, &boot_id, &core.records())?;
    Ok((core, journal, rebooted))
}

fn open_room(setup: Setup) -> Result<(Wasm, Room), Error> {
    let path = setup.dir.wasm();
    Room::open(setup).map_err(|source| Error::WasmSocket { path, source })
}
