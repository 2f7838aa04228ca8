//! Processes begin and end.

use insula_agent_core::{Absence, Input};
use insula_types::{LaunchId, Span, TaskKey, Time};

use crate::check::Violation;
use crate::event::Event;
use crate::world::World;

impl World {
    pub(crate) fn ask_for_process(
        &mut self,
        number: usize,
        launch: LaunchId,
        key: TaskKey,
    ) -> Result<(), Violation> {
        let machine = &mut self.machines[number];
        self.checks
            .durable
            .a_launch_is_in_the_rows(&machine.cell, launch)?;
        machine.shepherd.ask(launch, key);
        let boot = machine.boot;
        let event = Event::ProcessStarts {
            machine: number,
            boot,
            launch,
        };
        self.ctx.within(0, 50, event);
        Ok(())
    }

    pub(crate) fn process_starts(
        &mut self,
        number: usize,
        boot: u64,
        launch: LaunchId,
    ) -> Result<(), Violation> {
        if self.machines[number].boot != boot {
            return Ok(());
        }
        let fails = self.ctx.options.start_fails;
        if self.ctx.fault(fails) {
            let machine = &mut self.machines[number];
            if machine.shepherd.held.remove(&launch).is_none() {
                return Ok(());
            }
            let sentence = "no such file or directory".to_owned();
            return self.agent_input(number, Input::StartFailed { launch, sentence });
        }
        let run_max = self.ctx.options.run_max;
        let machine = &mut self.machines[number];
        let started = machine
            .shepherd
            .start(&mut self.ctx.rng, self.ctx.now, launch, run_max);
        let Some((key, end)) = started else {
            return Ok(());
        };
        self.ctx.note(
            &self.machines[number].id,
            format_args!("runs {launch} ({key})"),
        );
        let cell = self.machines[number].cell.clone();
        let others = self
            .machines
            .iter()
            .flat_map(|machine| machine.shepherd.running());
        self.checks
            .starts
            .a_launch_starts_once(&cell, launch, &key, others)?;
        self.process_ends_at(number, launch, end);
        self.agent_input(number, Input::Started { launch, at: None })
    }

    fn process_ends_at(&mut self, number: usize, launch: LaunchId, at: Time) {
        let event = Event::ProcessEnds {
            machine: number,
            boot: self.machines[number].boot,
            launch,
        };
        self.ctx.at(at, event);
    }

    pub(crate) fn process_ends(
        &mut self,
        number: usize,
        boot: u64,
        launch: LaunchId,
    ) -> Result<(), Violation> {
        let machine = &mut self.machines[number];
        if machine.boot != boot {
            return Ok(());
        }
        let Some(mut end) = machine.shepherd.end(self.ctx.now, launch) else {
            return Ok(());
        };
        end.at = machine.clock(end.at);
        self.ctx.note(
            &self.machines[number].id,
            format_args!("{launch} ends: {:?}", end.cause),
        );
        self.agent_input(number, Input::Ended { launch, end })
    }

    pub(crate) fn kill_process(&mut self, number: usize, launch: LaunchId, grace: Span) {
        let machine = &mut self.machines[number];
        let ends = machine
            .shepherd
            .kill(&mut self.ctx.rng, self.ctx.now, launch, grace);
        if let Some(at) = ends {
            self.process_ends_at(number, launch, at);
        }
    }

    /// A process ends and nobody knows how, or its executor dies with all memory of it.
    pub(crate) fn process_is_lost(
        &mut self,
        number: usize,
        launch: LaunchId,
    ) -> Result<(), Violation> {
        let forgotten = self.ctx.rng.chance(500);
        let machine = &mut self.machines[number];
        if forgotten {
            machine.shepherd.held.remove(&launch);
            let absence = Absence::ExecutorEnded;
            return self.agent_input(number, Input::Absent { launch, absence });
        }
        machine.shepherd.lose(self.ctx.now, launch);
        let boot = machine.boot;
        self.process_ends(number, boot, launch)
    }
}
