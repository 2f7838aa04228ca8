//! Watchers are told why requests wait.
//!
//! When an allocation has left requests behind, the oldest of each shape are looked at, and what was not
//! said before is said. To find a reason is a look at all agents, so it is done beside the allocation and
//! not in it: at most once in a while, and so much at a time. Whoever wants to know at once, or of any
//! other request, asks [`Kernel::why_request`].

use std::mem::discriminant;
use std::ops::Bound;

use insula_types::event::{Event, EventKind};
use insula_types::why::Why;
use insula_types::{Span, TaskId, TaskKey, TenantId, Time};

use crate::Kernel;
use crate::builtin::fill::next_trace;
use crate::builtin::{Requests, key_of};
use crate::out::Out;

/// Time between two looks: a reason that comes and goes is told once in so long.
const PAUSE: Span = Span::from_secs(1);

/// Most shapes of one tenant that are looked at, the oldest first: more different reasons than that
/// nobody reads.
const SHAPES_TOLD: usize = 16;

/// Agents that are looked at in one step, for all requests together: a few milliseconds (rule R11).
const AGENTS_PER_STEP: usize = 20_000;

/// How far the look at waiting requests has come.
#[derive(Debug, Default)]
pub(crate) struct WaitsWatch {
    /// Whether an allocation has left requests behind since the round began.
    is_stale: bool,
    /// Which tenant was looked at last in the round that goes on, and how many of its shapes.
    after: Option<(TenantId, usize)>,
    /// Not before this.
    next_at: Time,
}

impl Requests {
    /// The oldest of the shapes that are looked at, without the first so many.
    fn oldest(&self, skipped: usize) -> impl Iterator<Item = &TaskId> {
        let heads = self.heads.keys().take(SHAPES_TOLD).skip(skipped);
        heads.map(|(_, task)| task)
    }
}

impl Kernel {
    /// An allocation has come to its end.
    pub(crate) fn watch_waits(&mut self) {
        self.waits.is_stale |= self.requests_waiting > 0;
    }

    /// When somebody must look at waiting requests; never while an allocation may still serve them.
    pub(crate) fn next_waits_look(&self) -> Option<Time> {
        let is_open = self.waits.is_stale || self.waits.after.is_some();
        (is_open && self.allocation_due.is_none()).then_some(self.waits.next_at)
    }

    pub(crate) fn tell_why_requests_wait(&mut self, out: &mut Out) {
        if self.next_waits_look().is_none_or(|at| at > self.now) {
            return;
        }
        self.waits.next_at = self.now + PAUSE;
        let (mut tenant, mut shapes) = match self.waits.after.take() {
            Some(place) => place,
            None => {
                self.waits.is_stale = false;
                match self.requests.keys().next() {
                    Some(first) => (first.clone(), 0),
                    None => return,
                }
            }
        };
        let mut looks = (AGENTS_PER_STEP / self.agents.len().max(1)).max(1);
        loop {
            while let Some(task) = self.next_told(&tenant, shapes) {
                if looks == 0 {
                    self.waits.after = Some((tenant, shapes));
                    return;
                }
                looks -= 1;
                shapes += 1;
                self.tell_why_it_waits(&tenant, &task, out);
            }
            let after = (Bound::Excluded(&tenant), Bound::Unbounded);
            let Some((next, _)) = self.requests.range(after).next() else {
                return;
            };
            (tenant, shapes) = (next.clone(), 0);
        }
    }

    fn next_told(&self, tenant: &TenantId, skipped: usize) -> Option<TaskId> {
        let requests = self.requests.get(tenant)?;
        requests.oldest(skipped).next().cloned()
    }

    /// Says it if it is another kind of reason than the one that was said last.
    fn tell_why_it_waits(&mut self, tenant: &TenantId, task: &TaskId, out: &mut Out) {
        let reasons = self.why_request(tenant, task).unwrap_or_default();
        let decisive = reasons.into_iter().next();
        let Some(why) = decisive.filter(|why| *why != Why::Imminent) else {
            return;
        };
        let Some(requests) = self.requests.get_mut(tenant) else {
            return;
        };
        let Some(row) = requests.rows.get(task) else {
            return;
        };
        let kind = discriminant(&why);
        if requests.told.insert(task.clone(), kind) == Some(kind) {
            return;
        }
        out.publish(Event {
            at: self.now,
            trace: next_trace(row),
            kind: EventKind::RequestWaits {
                task: TaskKey {
                    framework: key_of(tenant),
                    task: task.clone(),
                },
                why,
            },
        });
    }
}
