//! What a framework does with offers.

use bytes::Bytes;
use insula_kernel::input::{Call, Filters, LaunchTask, NamedOffer};
use insula_types::message::Offer;
use insula_types::{Epoch, OfferId, Resources, Span, TaskId, TaskKind};

use super::Belief;
use crate::check::terminal::Told;
use crate::world::World;

/// Most tasks that one framework has open: a cell as small as these shows all there is to see.
const OPEN_MAX: usize = 12;

impl World {
    pub(crate) fn answer_offers(&mut self, number: usize) {
        let mut offers = std::mem::take(&mut self.frameworks[number].offers);
        while let Some(offer) = offers.pop() {
            let open = self.frameworks[number].open_tasks().count();
            let accepts = self.frameworks[number].habits.accepts;
            if self.ctx.calm || open >= OPEN_MAX || !self.ctx.rng.chance(accepts) {
                self.decline(number, offer.id);
                continue;
            }
            let mut together = vec![offer];
            if self.ctx.rng.chance(300) {
                let first = together[0].clone();
                let fits =
                    |other: &mut Offer| other.agent == first.agent && other.role == first.role;
                together.extend(offers.extract_if(.., fits));
            }
            self.accept(number, &together);
        }
    }

    fn decline(&mut self, number: usize, offer: OfferId) {
        let most = if self.ctx.calm {
            600_000
        } else {
            self.frameworks[number].habits.refuse_max
        };
        let call = Call::Decline {
            offers: vec![offer],
            filters: self.draw_filters(most),
        };
        self.framework_calls(number, call);
    }

    fn draw_filters(&mut self, most: u64) -> Filters {
        let refuse = if self.ctx.rng.chance(200) && !self.ctx.calm {
            Span::ZERO
        } else {
            self.ctx.rng.millis(most / 2, most)
        };
        Filters { refuse }
    }

    fn accept(&mut self, number: usize, offers: &[Offer]) {
        let mut left = Resources::sum(offers.iter().map(|offer| &offer.resources));
        let most = self.frameworks[number].habits.launches_max;
        let mut launches = Vec::new();
        for _ in 0..self.ctx.rng.count(1, most) {
            let wanted = Resources::of(
                self.ctx.rng.between(1, 20) * 100,
                self.ctx.rng.between(1, 8) * 32_000,
            );
            if left.contains(&wanted) {
                left.subtract(&wanted);
                launches.push(self.draw_launch(number, &offers[0], wanted));
            }
        }
        let named = offers.iter().map(|offer| named(offer.id)).collect();
        let mut call = Accept {
            offers: named,
            launches,
        };
        let errs = self.frameworks[number].habits.errs;
        if self.ctx.rng.chance(errs) {
            self.spoil(number, &mut call);
        }
        let tasks: Vec<TaskId> = call.launches.iter().map(|each| each.task.clone()).collect();
        for launch in &call.launches {
            let belief = Belief {
                agent: launch.agent.clone(),
                state: None,
                over: false,
                told: Told::default(),
            };
            // One that is live already stays what it is (rule R4).
            let known = &mut self.frameworks[number].tasks;
            known
                .entry(launch.task.clone())
                .and_modify(|known| known.told.launched_again())
                .or_insert(belief);
        }
        if let Some(key) = self.frameworks[number].key() {
            for task in &tasks {
                self.checks.launches.are_asked_for(&key, task);
            }
        }
        let call = Call::Accept {
            offers: call.offers,
            launches: call.launches,
            filters: self.draw_filters(5_000),
        };
        if let Some(call) = self.framework_calls(number, call) {
            let new = tasks.into_iter().filter(|task| {
                let belief = self.frameworks[number].tasks.get(task);
                belief.is_some_and(|belief| belief.state.is_none())
            });
            let new = new.collect();
            self.frameworks[number].accepts.insert(call, new);
        }
    }

    fn draw_launch(&mut self, number: usize, offer: &Offer, resources: Resources) -> LaunchTask {
        let trace = self.ctx.rng.trace();
        let framework = &mut self.frameworks[number];
        framework.launches += 1;
        let task = TaskId::from(format!("t{number}-{}", framework.launches));
        let kind = if self.ctx.rng.chance(200) {
            TaskKind::Wasm
        } else {
            TaskKind::Native
        };
        LaunchTask {
            name: task.to_string(),
            agent: offer.agent.clone(),
            kind,
            resources,
            user: String::new(),
            executor: None,
            payload: Bytes::from(task.to_string()),
            invalid: None,
            trace,
            task,
        }
    }

    /// Makes an accept wrong in some way that a real framework may.
    fn spoil(&mut self, number: usize, accept: &mut Accept) {
        let live: Vec<TaskId> = self.frameworks[number]
            .open_tasks()
            .filter(|(_, belief)| belief.state.is_some())
            .map(|(task, _)| task.clone())
            .collect();
        let task = self.ctx.rng.pick(&live).cloned();
        let Some(launch) = accept.launches.first_mut() else {
            return;
        };
        match self.ctx.rng.below(5) {
            0 => launch.resources = Resources::of(1_000_000_000, 1),
            1 => launch.resources = Resources::new(),
            2 => launch.invalid = Some("Task has an empty command".to_owned()),
            3 => accept.offers.push(named(OfferId {
                epoch: Epoch(1),
                tag: 1,
            })),
            _ => {
                if let Some(task) = task {
                    launch.task = task;
                }
            }
        }
    }
}

struct Accept {
    offers: Vec<NamedOffer>,
    launches: Vec<LaunchTask>,
}

fn named(id: OfferId) -> NamedOffer {
    NamedOffer {
        text: id.to_string(),
        id: Some(id),
    }
}
