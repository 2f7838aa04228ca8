//! All faults stop, and everything must come to its end.

use insula_kernel::Input;
use insula_types::{Span, TaskState};

use super::{AGENTS, Walk};
use crate::harness::TENANT;

impl Walk {
    /// Everybody is back and does what is expected; then everything must end.
    pub(super) fn heal(&mut self) {
        let request = self.cell.request();
        let role = TENANT.to_owned();
        let limit = std::collections::BTreeMap::new();
        self.cell
            .step(Input::SetRole {
                request,
                role,
                weight: 1_000,
                limit,
            })
            .unwrap();
        for agent in AGENTS {
            self.cell.machine(agent).info.resources =
                "cpus:4;mem:1024;ports:[1-8]".parse().unwrap();
            self.cell.register(agent).unwrap();
        }
        let waiting = std::mem::take(&mut self.waiting);
        for client in waiting.iter().chain(&std::mem::take(&mut self.clients)) {
            self.cell.disconnect(client);
        }
        self.cell.pass(Span::from_secs(130));
        for _ in 0..200 {
            for agent in AGENTS {
                self.cell.settle();
                self.cell.obey(agent);
                self.finish_tasks(agent);
            }
            self.cell.pass(Span::from_secs(10));
            let rows = self.cell.store.rows();
            if rows.tasks.is_empty() && rows.requests.is_empty() {
                return;
            }
        }
        panic!("never ended: {:?}", self.cell.store.rows().tasks);
    }

    fn finish_tasks(&mut self, agent: &str) {
        let held = self.cell.machine(agent).held.clone();
        for (launch, held) in held {
            match (held.pending, held.state.is_terminal()) {
                (Some(_), _) => self.cell.resend(agent, launch),
                (None, false) => {
                    self.cell.report(agent, launch, TaskState::Finished);
                }
                (None, true) => {}
            }
        }
    }
}
