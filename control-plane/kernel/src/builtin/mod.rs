//! The framework that each tenant has built in: a pure part of the kernel that takes allocations for
//! what people submit.
//!
//! It answers in the step in which it is allocated something: what fits its waiting requests is
//! launched, the rest goes back at once under a filter without end. The filter is lifted when a
//! request of a new shape comes, so that a machine on which nothing fits is not tried again and again.
//! It acknowledges its tasks' updates itself and never goes away.

pub(crate) mod fill;
pub(crate) mod outcome;
pub(crate) mod submit;
pub(crate) mod waits;
pub(crate) mod withdraw;

use std::collections::{BTreeMap, BTreeSet};
use std::mem::Discriminant;

use insula_types::framework::BUILT_IN;
use insula_types::record::RequestRow;
use insula_types::request::TaskRequest;
use insula_types::why::Why;
use insula_types::{FrameworkKey, TaskId, TaskKind, TenantId, Time};

use crate::Kernel;
use crate::allocator::FrameworkIdx;
use crate::framework::Side;

/// The role of every built-in framework: the tenant itself.
pub(crate) const ROLE: &str = "*";

/// Requests with the same shape fit the same machines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    kind: TaskKind,
    constraints: Vec<(String, String)>,
    /// The resources in their notation, which is the same for equal resources.
    resources: String,
}

impl Shape {
    fn of(request: &TaskRequest) -> Self {
        Self {
            kind: request.kind,
            constraints: request.constraints.clone(),
            resources: request.resources.to_string(),
        }
    }
}

/// A waiting request's place: who was submitted first comes first.
type Place = (Time, TaskId);

/// The requests of one tenant.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) framework: FrameworkIdx,
    pub(crate) rows: BTreeMap<TaskId, RequestRow>,
    waiting: BTreeMap<Shape, BTreeSet<Place>>,
    /// The first of each shape, in the order in which they were submitted.
    heads: BTreeMap<Place, Shape>,
    count: usize,
    /// What kind of reason was told last for waiting ones; see [`waits`].
    told: BTreeMap<TaskId, Discriminant<Why>>,
}

impl Requests {
    fn new(framework: FrameworkIdx) -> Self {
        Self {
            framework,
            rows: BTreeMap::new(),
            waiting: BTreeMap::new(),
            heads: BTreeMap::new(),
            count: 0,
            told: BTreeMap::new(),
        }
    }

    /// How many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.count
    }

    /// Puts a request in line, and tells whether it is the only one of its shape.
    fn wait(&mut self, row: &RequestRow) -> bool {
        let shape = Shape::of(&row.request);
        let line = self.waiting.entry(shape.clone()).or_default();
        if let Some(head) = line.first() {
            self.heads.remove(head);
        }
        let is_new = line.is_empty();
        self.count += usize::from(line.insert(place(row)));
        if let Some(head) = line.first() {
            self.heads.insert(head.clone(), shape);
        }
        is_new
    }

    /// Takes a request out of the line.
    fn stop_waiting(&mut self, row: &RequestRow) {
        let shape = Shape::of(&row.request);
        let Some(line) = self.waiting.get_mut(&shape) else {
            return;
        };
        if let Some(head) = line.first() {
            self.heads.remove(head);
        }
        self.count -= usize::from(line.remove(&place(row)));
        self.told.remove(&row.request.task);
        match line.first() {
            Some(head) => {
                self.heads.insert(head.clone(), shape);
            }
            None => {
                self.waiting.remove(&shape);
            }
        }
    }

    /// Whether a request is in line.
    pub(crate) fn is_in_line(&self, row: &RequestRow) -> bool {
        let line = self.waiting.get(&Shape::of(&row.request));
        line.is_some_and(|line| line.contains(&place(row)))
    }

    /// Whether the oldest of each shape, and nobody else, stands in front.
    pub(crate) fn heads_are_the_oldest(&self) -> bool {
        let fine = |(shape, line): (&Shape, &BTreeSet<Place>)| {
            line.first()
                .is_some_and(|head| self.heads.get(head) == Some(shape))
        };
        self.heads.len() == self.waiting.len() && self.waiting.iter().all(fine)
    }

    /// The oldest request of the shape.
    fn first_of(&self, shape: &Shape) -> Option<&RequestRow> {
        let (_, task) = self.waiting.get(shape)?.first()?;
        self.rows.get(task)
    }
}

fn place(row: &RequestRow) -> Place {
    (row.submitted_at, row.request.task.clone())
}

/// The key of a tenant's built-in framework.
pub(crate) fn key_of(tenant: &TenantId) -> FrameworkKey {
    FrameworkKey {
        tenant: tenant.clone(),
        framework: BUILT_IN.into(),
    }
}

impl Kernel {
    /// The tenant's built-in framework, made when it is needed for the first time; nothing if there
    /// are as many frameworks as an index can tell apart.
    pub(crate) fn built_in(&mut self, tenant: &TenantId) -> Option<FrameworkIdx> {
        if let Some(requests) = self.requests.get(tenant) {
            return Some(requests.framework);
        }
        let idx = self.frameworks.add(key_of(tenant), Side::BuiltIn)?;
        self.allocator
            .add_framework(idx, tenant, true, &[ROLE.to_owned()]);
        self.allocator.set_framework_active(idx, false);
        self.requests.insert(tenant.clone(), Requests::new(idx));
        Some(idx)
    }

    /// Puts a request in line. Machines that were refused are tried again if no request of its shape
    /// was waiting when they were.
    pub(crate) fn request_waits(&mut self, tenant: &TenantId, task: &TaskId) {
        let Some(requests) = self.requests.get_mut(tenant) else {
            return;
        };
        let Some(row) = requests.rows.get(task).cloned() else {
            return;
        };
        let before = requests.count;
        let is_new = requests.wait(&row);
        self.requests_waiting += requests.count - before;
        let idx = requests.framework;
        if is_new {
            self.allocator.clear_filters(idx, None);
        }
        self.allocator.set_framework_active(idx, true);
    }

    /// Takes a request out of the line; with the last one the framework stops to compete.
    pub(crate) fn request_waits_no_more(&mut self, tenant: &TenantId, task: &TaskId) {
        let Some(requests) = self.requests.get_mut(tenant) else {
            return;
        };
        let Some(row) = requests.rows.get(task).cloned() else {
            return;
        };
        let before = requests.count;
        requests.stop_waiting(&row);
        self.requests_waiting -= before - requests.count;
        let (idx, rest) = (requests.framework, requests.count);
        if rest == 0 {
            self.allocator.set_framework_active(idx, false);
        }
    }

    /// How many requests there are in the cell.
    pub(crate) fn request_count(&self) -> usize {
        self.requests
            .values()
            .map(|requests| requests.rows.len())
            .sum()
    }
}
