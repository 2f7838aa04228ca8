//! What can happen on a walk.

use insula_kernel::Input;
use insula_kernel::input::{Call, Cause, Excused, Filters};
use insula_types::{LaunchId, Span, TaskState};

use super::{AGENTS, FRAMEWORKS, Walk};
use crate::harness::machine::Held;
use crate::harness::{Client, TENANT, launch, wanted};

impl Walk {
    pub(super) fn client(&mut self) -> Option<Client> {
        self.dice.pick(&self.clients).cloned()
    }

    pub(super) fn agent(&mut self) -> &'static str {
        self.dice.pick(&AGENTS).unwrap()
    }

    pub(super) fn subscribe(&mut self) {
        let name = *self.dice.pick(&FRAMEWORKS).unwrap();
        // An id that was removed never comes back; the generation makes a new one.
        let id = format!("{name}-{}", self.generation);
        let mut info = self.cell.info(&["*", "dev"]);
        info.capabilities.partition_aware = name != "f1";
        info.failover_timeout = Span::from_secs(60);
        match self.cell.subscribe_unheard(TENANT, &id, info, &[]) {
            Ok(client) => self.waiting.push(client),
            Err(_) => self.generation += 1,
        }
    }

    /// What is found out about a stream that waits: that it is there, or that it is over.
    pub(super) fn look_at_stream(&mut self) {
        let Some(client) = self.dice.pick(&self.waiting).cloned() else {
            return;
        };
        match self.dice.roll(3) {
            0 => {
                self.cell.disconnect(&client);
                self.waiting.retain(|each| each.session != client.session);
            }
            _ => self.cell.there(&client),
        }
    }

    pub(super) fn part(&mut self) {
        let Some(client) = self.client() else { return };
        match self.dice.roll(4) {
            0 => {
                let _ = self.cell.call(&client, Call::Teardown);
            }
            1 => self.cell.part(&client, Cause::ByUs),
            _ => self.cell.disconnect(&client),
        }
        self.clients.retain(|each| each.session != client.session);
    }

    pub(super) fn accept(&mut self) {
        let Some((client, offer)) = self.dice.pick(&self.offers).cloned() else {
            return;
        };
        self.names += self.dice.roll(2);
        let agent = offer.agent.to_string();
        let tasks = vec![
            launch(
                &format!("t{}", self.names),
                &agent,
                "cpus:0.5;mem:64;ports:[1-1]",
            ),
            launch(&format!("u{}", self.names), &agent, "cpus:0.5;mem:64"),
        ];
        let ids = vec![offer.id];
        let refuse = Span::from_secs(self.dice.roll(3));
        if self
            .clients
            .iter()
            .any(|each| each.session == client.session)
        {
            self.cell
                .accept_ids(&client, ids, tasks, Filters { refuse });
        }
    }

    pub(super) fn decline(&mut self) {
        let Some((client, offer)) = self.dice.pick(&self.offers).cloned() else {
            return;
        };
        if self
            .clients
            .iter()
            .any(|each| each.session == client.session)
        {
            self.cell
                .decline(&client, &[offer], Span::from_secs(self.dice.roll(8)));
        }
    }

    pub(super) fn acknowledge(&mut self) {
        let Some((client, status)) = self.dice.pick(&self.updates).cloned() else {
            return;
        };
        let here = self
            .clients
            .iter()
            .any(|each| each.session == client.session);
        if here && status.uuid.is_some() {
            self.cell.acknowledge(&client, &status);
        }
    }

    pub(super) fn kill(&mut self) {
        let Some(client) = self.client() else { return };
        let name = self.dice.roll(self.names + 1);
        self.cell.kill(&client, &format!("t{name}"));
    }

    pub(super) fn reconcile(&mut self) {
        let Some(client) = self.client() else { return };
        let named = (0..self.dice.roll(6))
            .map(|n| (format!("t{n}").into(), None))
            .collect();
        self.cell.call(&client, Call::Reconcile(named)).unwrap();
    }

    pub(super) fn submit(&mut self) {
        self.names += 1;
        let mut one = wanted(&format!("r{}", self.names), "cpus:0.5;mem:64");
        one.retries = u32::try_from(self.dice.roll(2)).unwrap();
        let large = wanted(&format!("l{}", self.names), "cpus:3;mem:64");
        self.cell.submit(vec![one, large]).unwrap();
    }

    pub(super) fn withdraw(&mut self) {
        let name = self.dice.roll(self.names + 1);
        let _ = self.cell.withdraw(&format!("r{name}"));
        let _ = self.cell.withdraw(&format!("l{name}"));
    }

    pub(super) fn break_agent(&mut self) {
        let agent = self.agent();
        let is_up = self.cell.machine(agent).session.is_some();
        match (is_up, self.dice.roll(4)) {
            (true, 0) => self.cell.cut(agent),
            (true, 1) => self.cell.machine(agent).session = None,
            (true, 2) => {
                self.cell.lose_path(agent);
                self.cell.register_again(agent).unwrap();
            }
            _ => self.cell.register(agent).unwrap(),
        }
    }

    pub(super) fn obey(&mut self) {
        let agent = self.agent();
        self.cell.obey(agent);
        let machine = self.cell.machine(agent);
        let killed = std::mem::take(&mut machine.killed);
        for launch in killed {
            let held = self.cell.machine(agent).held.get(&launch);
            if held.is_some_and(|held| !held.state.is_terminal() && held.pending.is_none()) {
                self.cell.report(agent, launch, TaskState::Killed);
            }
        }
    }

    /// A task without a pending update makes a step of its life.
    pub(super) fn report(&mut self) {
        let agent = self.agent();
        let free = |(launch, held): (&LaunchId, &Held)| {
            let idle = held.pending.is_none() && !held.state.is_terminal();
            idle.then_some((*launch, held.state))
        };
        let ready: Vec<_> = self
            .cell
            .machine(agent)
            .held
            .iter()
            .filter_map(free)
            .collect();
        let Some((launch, state)) = self.dice.pick(&ready).copied() else {
            return;
        };
        let next = match (state, self.dice.roll(3)) {
            (TaskState::Staging, 0) => TaskState::Failed,
            (TaskState::Staging, _) => TaskState::Running,
            (_, 0) => TaskState::Finished,
            (_, 1) => TaskState::Lost,
            (_, _) => TaskState::Failed,
        };
        self.cell.report(agent, launch, next);
    }

    pub(super) fn resend(&mut self) {
        let agent = self.agent();
        let pending =
            |(launch, held): (&LaunchId, &Held)| held.pending.is_some().then_some(*launch);
        let all: Vec<_> = self
            .cell
            .machine(agent)
            .held
            .iter()
            .filter_map(pending)
            .collect();
        for launch in all {
            self.cell.resend(agent, launch);
        }
    }

    pub(super) fn pass(&mut self) {
        let span = match self.dice.roll(6) {
            0 => Span::from_secs(90),
            1 | 2 => Span::from_secs(6),
            _ => Span::from_millis(3),
        };
        self.cell.pass(span);
    }

    pub(super) fn rarely(&mut self) {
        match self.dice.roll(5) {
            0 => {
                self.cell.restart();
                self.clients.clear();
                self.waiting.clear();
                self.offers.clear();
                self.updates.clear();
            }
            1 => {
                let agent = self.agent();
                let cpus = 1 + self.dice.roll(4);
                let resources = format!("cpus:{cpus};mem:1024;ports:[1-8]").parse().unwrap();
                self.cell.machine(agent).info.resources = resources;
            }
            2 => {
                let request = self.cell.request();
                let limit = [("cpus".to_owned(), 1_000 * (2 + self.dice.roll(8)))].into();
                let role = TENANT.to_owned();
                self.cell
                    .step(Input::SetRole {
                        request,
                        role,
                        weight: 1_000,
                        limit,
                    })
                    .unwrap();
            }
            3 => self.cell.step(Input::Excused(Excused::Everyone)).unwrap(),
            _ => {
                // A machine loses a task without a word.
                let agent = self.agent();
                let held: Vec<_> = self.cell.machine(agent).held.keys().copied().collect();
                if let Some(launch) = self.dice.pick(&held) {
                    self.cell.machine(agent).held.remove(launch);
                    self.cell.register(agent).unwrap();
                }
            }
        }
    }
}
