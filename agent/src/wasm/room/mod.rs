//! Where everything about Wasm tasks comes together.

mod connections;
mod processes;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use insula_agent_core::Input;
use insula_types::{FrameworkKey, LaunchId, TraceContext};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::artifacts::{Artifacts, Made};
use super::executor::{Executor, withdrawn};
use super::job::Job;
use super::link::{Arrival, Link, LinkId};
use super::secret::Secret;
use super::{Order, Wasm, socket};
use crate::driver::{Event, Handle, Stopped};
use crate::figures::Figures;
use crate::options::WasmPrograms;
use crate::session::Service;
use crate::shepherd::Program;
use crate::task::Stdins;
use crate::work_dir::WorkDir;

/// A process connects within milliseconds of its start, but the machine may be busy.
const CONNECTS_WITHIN: Duration = Duration::from_secs(30);
/// How often deadlines are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// An executor without tasks is kept warm for this long.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// Calls that wait; an executor that says more waits with them.
const ARRIVALS_MAX: usize = 256;

/// What the room is made of.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) programs: WasmPrograms,
    pub(crate) engine_key: String,
    pub(crate) dir: WorkDir,
    pub(crate) driver: Handle,
    pub(crate) service: Service,
    pub(crate) stdins: Stdins,
    /// The trace of the agent's life.
    pub(crate) life: TraceContext,
    pub(crate) figures: Figures,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Room {
    program: Program,
    dir: WorkDir,
    driver: Handle,
    secret: Secret,
    /// What is about no task belongs to it.
    life: TraceContext,
    figures: Figures,
    artifacts: Artifacts,
    executors: BTreeMap<FrameworkKey, Executor>,
    /// Which framework each launch that an executor has or waits for belongs to.
    frameworks: BTreeMap<LaunchId, FrameworkKey>,
    links: BTreeMap<LinkId, (Link, Option<FrameworkKey>)>,
    links_made: u64,
    listener: UnixListener,
    orders: mpsc::UnboundedReceiver<Order>,
    arrivals: mpsc::Receiver<Arrival>,
    arrivals_sender: mpsc::Sender<Arrival>,
    made: mpsc::UnboundedReceiver<Made>,
}

impl Room {
    /// Listens for executors; the [`Wasm`] is for the driver.
    pub(crate) fn open(setup: Setup) -> io::Result<(Wasm, Self)> {
        let Setup {
            programs,
            engine_key,
            dir,
            driver,
            service,
            stdins,
            life,
            figures,
        } = setup;
        let listener = socket::bind(&dir.wasm())?;
        let secret = Secret::open(&dir.wasm().join("secret"))?;
        let (order_sender, orders) = mpsc::unbounded_channel();
        let (arrivals_sender, arrivals) = mpsc::channel(ARRIVALS_MAX);
        // One message for each module under way, and each has a launch that waits for it.
        let (made_sender, made) = mpsc::unbounded_channel();
        let artifacts = Artifacts::new(
            programs.compiler,
            engine_key,
            dir.clone(),
            service,
            made_sender,
        );
        let wasm = Wasm {
            orders: Ok(order_sender),
            dir: dir.clone(),
            stdins,
        };
        let room = Self {
            program: programs.executor,
            dir,
            driver,
            secret,
            life,
            figures,
            artifacts,
            executors: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            links: BTreeMap::new(),
            links_made: 0,
            listener,
            orders,
            arrivals,
            arrivals_sender,
            made,
        };
        Ok((wasm, room))
    }

    /// Works until the driver is gone.
    pub(crate) async fn run(mut self) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                Some(arrival) = self.arrivals.recv() => self.arrived(arrival).await,
                Some(made) = self.made.recv() => self.made(made).await,
                accepted = self.listener.accept() => {
                    self.accepted(accepted.map(|(stream, _)| stream));
                    Ok(())
                }
                _ = look.tick() => self.look().await,
            };
            if done == Err(Stopped) {
                return;
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<(), Stopped> {
        match order {
            Order::Start(job) => match self.artifacts.place(*job) {
                Some(job) => self.place(job).await,
                None => Ok(()),
            },
            Order::Kill(launch, trace) => self.kill(launch, &trace).await,
            Order::Forget(launch, trace) => {
                let framework = self.frameworks.remove(&launch);
                if let Some(executor) = framework.and_then(|key| self.executors.get_mut(&key)) {
                    executor.forget(launch, &trace);
                }
                Ok(())
            }
            Order::Compare {
                executors,
                launches,
                absence,
            } => self.compare(executors, launches, absence).await,
            Order::Executor(state) => self.executor_changed(&state).await,
        }
    }

    async fn kill(&mut self, launch: LaunchId, trace: &TraceContext) -> Result<(), Stopped> {
        if self.artifacts.withdraw(launch) {
            return self.tell([withdrawn(launch)]).await;
        }
        let framework = self.frameworks.get(&launch);
        let executor = framework.and_then(|key| self.executors.get_mut(key));
        let input = executor.and_then(|executor| executor.kill(launch, trace));
        self.tell(input).await
    }

    async fn made(&mut self, made: Made) -> Result<(), Stopped> {
        for mut job in self.artifacts.take_waiting(&made.digest) {
            match &made.artifact {
                Ok(path) => {
                    job.order.artifact = path.to_string_lossy().into_owned();
                    self.place(job).await?;
                }
                Err(sentence) => {
                    let (launch, sentence) = (job.launch, sentence.clone());
                    self.tell([Input::StartFailed { launch, sentence }]).await?;
                }
            }
        }
        Ok(())
    }

    async fn place(&mut self, job: Job) -> Result<(), Stopped> {
        let framework = job.framework.clone();
        self.frameworks.insert(job.launch, framework.clone());
        self.executors
            .entry(framework.clone())
            .or_default()
            .place(job);
        self.start_if_needed(&framework).await
    }

    pub(super) fn count(&self) {
        let executors = self.executors.values();
        let processes = executors.filter(|executor| executor.process.is_some());
        self.figures.executors(processes.count());
    }

    /// Ends processes that do not connect, and sends those home that have nothing to do.
    async fn look(&mut self) -> Result<(), Stopped> {
        self.count();
        let now = Instant::now();
        let idle_before = now.checked_sub(IDLE_MAX).unwrap_or(now);
        let mut late = Vec::new();
        for executor in self.executors.values_mut() {
            executor.dismiss_if_idle(now, idle_before, &self.life);
            if executor.expected_by.is_some_and(|expected| expected <= now) {
                executor.expected_by = None;
                late.extend(executor.process.clone());
            }
        }
        for id in late {
            tracing::warn!(id, "a wasm executor does not connect and is killed");
            let trace = self.life.clone();
            self.driver.send(Event::KillProcess { id, trace }).await?;
        }
        Ok(())
    }

    async fn tell(&self, inputs: impl IntoIterator<Item = Input>) -> Result<(), Stopped> {
        for input in inputs {
            self.driver.send(Event::Executor(input)).await?;
        }
        Ok(())
    }
}
