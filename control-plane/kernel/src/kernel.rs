//! The kernel's root: it dispatches, and that is all.

use std::collections::{BTreeMap, BTreeSet};

use insula_types::message::THERE;
use insula_types::record::{CellRow, Record, RoleRow, Rows};
use insula_types::{Epoch, TenantId, Time};

use crate::agent::Agents;
use crate::agent::lost::LossPace;
use crate::allocator::{AgentKey, Allocator};
use crate::builtin::Requests;
use crate::builtin::waits::WaitsWatch;
use crate::figures::Counters;
use crate::framework::Frameworks;
use crate::offer::Offers;
use crate::out::Out;
use crate::rows::start_time;
use crate::task::Tasks;
use crate::work::WorkQueue;
use crate::{Config, Effects, Input, Outcome, Rejection};

/// The state machine of one cell.
#[derive(Debug)]
pub struct Kernel {
    pub(crate) config: Config,
    pub(crate) epoch: Epoch,
    pub(crate) now: Time,
    /// Exactly what is persisted, as all rows in here.
    pub(crate) cell: CellRow,
    /// Launches of this epoch so far.
    pub(crate) launches: u64,
    pub(crate) roles: BTreeMap<String, RoleRow>,
    pub(crate) agents: Agents,
    pub(crate) frameworks: Frameworks,
    pub(crate) tasks: Tasks,
    pub(crate) offers: Offers,
    pub(crate) requests: BTreeMap<TenantId, Requests>,
    /// How many requests of all tenants wait.
    pub(crate) requests_waiting: usize,
    pub(crate) waits: WaitsWatch,
    pub(crate) allocator: Allocator,
    /// When the next allocation runs; none while nothing could come of it.
    pub(crate) allocation_due: Option<Time>,
    pub(crate) work: WorkQueue,
    pub(crate) loss_pace: LossPace,
    /// Agents whose watermark is above what is persisted.
    pub(crate) unconfirmed: BTreeSet<AgentKey>,
    pub(crate) counters: Counters,
}

impl Kernel {
    /// Loads a cell from its rows, under a new epoch.
    #[must_use]
    pub fn load(config: Config, epoch: Epoch, now: Time, rows: Rows) -> Self {
        let mut kernel = Self {
            config,
            epoch,
            now: start_time(now, &rows),
            launches: 0,
            roles: BTreeMap::new(),
            agents: Agents::default(),
            frameworks: Frameworks::default(),
            tasks: Tasks::default(),
            offers: Offers::new(epoch, rows.cell.seed),
            requests: BTreeMap::new(),
            requests_waiting: 0,
            waits: WaitsWatch::default(),
            allocator: Allocator::new(),
            allocation_due: None,
            work: WorkQueue::default(),
            loss_pace: LossPace::default(),
            unconfirmed: BTreeSet::new(),
            counters: Counters::default(),
            cell: rows.cell.clone(),
        };
        kernel.take_up(rows);
        kernel.schedule_allocation();
        kernel
    }

    /// Applies one input at the given time and appends what is to be done about it: first all
    /// records, then everything that depends on them (INV-1).
    ///
    /// Time never runs backwards: a `now` before that of an earlier step counts as that.
    ///
    /// # Errors
    /// A refusal; nothing has changed and nothing was appended.
    pub fn step(
        &mut self,
        now: Time,
        input: Input,
        effects: &mut Effects,
    ) -> Result<(), Rejection> {
        self.now = self.now.max(now);
        let mut out = Out::default();
        self.dispatch(input, &mut out)?;
        self.announce_rescinded(&mut out);
        self.persist_confirmations(&mut out);
        self.persist_time(&mut out);
        self.schedule_allocation();
        out.finish(effects);
        Ok(())
    }

    fn dispatch(&mut self, input: Input, out: &mut Out) -> Result<(), Rejection> {
        match input {
            Input::Timer => self.tick(out),
            Input::Subscribe(subscribe) => self.subscribe(*subscribe, out)?,
            Input::Call {
                request,
                framework,
                session,
                call,
                trace,
            } => self.framework_call(request, &framework, &session, call, &trace, out)?,
            Input::FrameworkDisconnected {
                framework,
                session,
                cause,
            } => self.framework_disconnected(&framework, &session, cause, out),
            Input::MarkReached {
                framework,
                session,
                mark: THERE,
            } => self.succeed(&framework, &session, out),
            Input::MarkReached {
                framework,
                session,
                mark,
            } => self.answer_reached(&framework, &session, mark),
            Input::Agent {
                agent,
                session,
                message,
            } => self.agent_message(&agent, &session, message, out)?,
            Input::AgentDisconnected {
                agent,
                session,
                cause,
            } => self.agent_disconnected(&agent, &session, cause, out),
            Input::Excused(excused) => self.excuse(&excused),
            Input::Submit {
                request,
                tenant,
                tasks,
            } => self.submit(request, &tenant, tasks, out)?,
            Input::Withdraw {
                request,
                tenant,
                task,
                grace,
            } => self.withdraw(request, &tenant, &task, grace, out)?,
            Input::DiscardHeld { request, agent } => self.discard_held(request, &agent, out)?,
            Input::SetRole {
                request,
                role,
                weight,
                limit,
            } => {
                self.set_role(role, weight, limit, out)?;
                out.reply(request, Outcome::Accepted);
            }
        }
        Ok(())
    }

    /// Kernel time is persisted with whatever else is, so that it never starts below what a row
    /// says (rule R6).
    fn persist_time(&mut self, out: &mut Out) {
        if out.persists() && self.cell.time < self.now {
            self.cell.time = self.now;
            out.persist(Record::Cell(self.cell.clone()));
        }
    }

    /// The epoch that the kernel was loaded under.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Kernel time: that of the latest step.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }
}
