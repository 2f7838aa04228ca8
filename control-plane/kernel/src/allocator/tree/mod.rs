//! The role tree: who holds how much, and who comes next.
//!
//! The root's children are tenants, below them are roles. Frameworks hang below the virtual leaf `.`
//! of their role, so a role that has both frameworks and roles below it competes with the latter as
//! one of them; `t/.` is the tenant's own `*` (rule R20). Each node keeps those of its children that
//! ask for something in a binary heap ordered by weighted dominant share, so following the first
//! child from the root finds who comes next, and an allocation moves one entry per level.

mod next;
mod queue;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use insula_types::Resources;
use insula_types::resources::Millis;

use super::ClientIdx;
use super::limit::Limit;
use super::quantities::Quantities;
use super::share::Share;
use super::slab::Slab;

pub(super) use next::Next;

/// The weight of a role without settings, and of every framework.
const WEIGHT_DEFAULT: Millis = 1_000;

/// The name of the leaf below which a role's own frameworks hang.
const LEAF: &str = ".";

/// A node by its place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeIdx(u32);

/// A role, a role's virtual leaf, or a framework in its role.
#[derive(Debug)]
pub(super) struct Node {
    parent: Option<NodeIdx>,
    /// The full path; empty for the root and for frameworks.
    path: Arc<str>,
    /// The framework, and the number that breaks ties between frameworks.
    client: Option<(ClientIdx, u32)>,
    roles: BTreeMap<Arc<str>, NodeIdx>,
    /// How many frameworks hang here.
    frameworks: usize,
    weight: Millis,
    limit: Limit,
    allocated: Quantities,
    /// How often something was allocated below, ever: among equal shares the less served comes first.
    count: u64,
    share: Share,
    /// Whether this framework wants to be asked; never set on a role.
    asks: bool,
    /// Whether the limit leaves nothing; kept by [`Tree::refresh_limit`].
    exhausted: bool,
    /// The children that ask, as a heap with the first to serve on top.
    queue: Vec<NodeIdx>,
    queue_weight: u128,
    /// The place in the parent's queue.
    place: Option<usize>,
}

impl Node {
    fn new(parent: Option<NodeIdx>, path: Arc<str>) -> Self {
        Self {
            parent,
            path,
            client: None,
            roles: BTreeMap::new(),
            frameworks: 0,
            weight: WEIGHT_DEFAULT,
            limit: Limit::default(),
            allocated: Quantities::default(),
            count: 0,
            share: Share::ZERO,
            asks: false,
            exhausted: false,
            queue: Vec::new(),
            queue_weight: 0,
            place: None,
        }
    }

    pub(super) fn path(&self) -> &Arc<str> {
        &self.path
    }

    pub(super) fn weight(&self) -> Millis {
        self.weight
    }

    pub(super) fn limit(&self) -> &Limit {
        &self.limit
    }

    pub(super) fn allocated(&self) -> &Quantities {
        &self.allocated
    }

    /// The weighted dominant share as (numerator, denominator), for views: also true where the cell's
    /// total has changed since the last cycle.
    pub(super) fn share_of(&self, total: &Quantities) -> (u64, u128) {
        Share::of(&self.allocated, total, self.weight).ratio()
    }

    fn wants_service(&self) -> bool {
        self.asks || (!self.queue.is_empty() && !self.exhausted)
    }

    fn is_disposable(&self) -> bool {
        self.roles.is_empty()
            && self.frameworks == 0
            && self.client.is_none()
            && self.weight == WEIGHT_DEFAULT
            && self.limit.is_none()
    }

    /// Siblings are either all roles or all frameworks.
    fn order(&self, sibling: &Self) -> Ordering {
        let tie = |node: &Self| node.client.map(|(_, number)| number);
        self.share
            .cmp(&sibling.share)
            .then(self.count.cmp(&sibling.count))
            .then_with(|| self.path.cmp(&sibling.path))
            .then_with(|| tie(self).cmp(&tie(sibling)))
    }
}

/// All nodes, and the cell's total that shares are shares of.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Slab<Node>,
    root: NodeIdx,
    total: Quantities,
    /// The total has changed since the queues were put in order.
    is_stale: bool,
    /// Something below a limit was released since [`Tree::take_relaxed`].
    relaxed: bool,
}

impl Default for Tree {
    fn default() -> Self {
        let mut nodes = Slab::default();
        let root = NodeIdx(nodes.insert(Node::new(None, "".into())));
        Self {
            nodes,
            root,
            total: Quantities::default(),
            is_stale: false,
            relaxed: false,
        }
    }
}

impl Tree {
    pub(super) fn root(&self) -> NodeIdx {
        self.root
    }

    /// All roles that are known, in no particular order; neither the root nor frameworks.
    pub(super) fn roles(&self) -> impl Iterator<Item = &Node> {
        self.nodes
            .iter()
            .map(|(_, node)| node)
            .filter(|node| !node.path.is_empty())
    }

    /// The node and those above it, the root last.
    pub(super) fn path_up(&self, node: NodeIdx) -> impl Iterator<Item = &Node> {
        let start = Some(&self.nodes[node.0]);
        std::iter::successors(start, |node| {
            node.parent.map(|parent| &self.nodes[parent.0])
        })
    }

    /// What the cell has.
    pub(super) fn total(&self) -> &Quantities {
        &self.total
    }

    pub(super) fn grow_total(&mut self, more: &Resources) {
        self.total.add(more);
        self.is_stale = true;
    }

    pub(super) fn shrink_total(&mut self, less: &Resources) {
        self.total.subtract(less);
        self.is_stale = true;
    }

    /// Whether limits have become less tight since this was asked last.
    pub(super) fn take_relaxed(&mut self) -> bool {
        std::mem::take(&mut self.relaxed)
    }

    pub(super) fn is_relaxed(&self) -> bool {
        self.relaxed
    }

    /// Adds a framework below the leaf of its role; `role` is a full path, the tenant first.
    /// `number` orders it among equals.
    pub(super) fn add_client(&mut self, role: &str, client: ClientIdx, number: u32) -> NodeIdx {
        let role = self.find_or_add(role);
        let leaf = self.child_or_new(role, LEAF);
        let mut node = Node::new(Some(leaf), "".into());
        node.client = Some((client, number));
        self.nodes[leaf.0].frameworks += 1;
        NodeIdx(self.nodes.insert(node))
    }

    /// Removes a framework that holds nothing, and the roles that nothing keeps any more.
    pub(super) fn remove_client(&mut self, node: NodeIdx) {
        self.set_asks(node, false);
        let Some(removed) = self.nodes.remove(node.0) else {
            return;
        };
        debug_assert!(
            removed.allocated == Quantities::default(),
            "what is held is released first"
        );
        if let Some(leaf) = removed.parent {
            self.nodes[leaf.0].frameworks -= 1;
            self.prune(leaf);
        }
    }

    /// Sets weight and limit of a role; the defaults make the tree forget it if nothing is there.
    pub(super) fn set_role(&mut self, path: &str, weight: Millis, limit: Limit) {
        let idx = self.find_or_add(path);
        let node = &mut self.nodes[idx.0];
        let former = std::mem::replace(&mut node.weight, weight.max(1));
        node.limit = limit;
        node.share = Share::of(&node.allocated, &self.total, node.weight);
        if let (Some(parent), Some(_)) = (node.parent, node.place) {
            let sum = &mut self.nodes[parent.0].queue_weight;
            *sum = *sum - u128::from(former) + u128::from(weight.max(1));
        }
        self.requeue(idx);
        self.relaxed = true;
        self.refresh_limit(idx);
        self.settle(idx);
        self.prune(idx);
    }

    /// Charges a framework and everything above it.
    pub(super) fn charge(&mut self, node: NodeIdx, amount: &Resources) {
        self.change(node, |node| node.allocated.add(amount));
    }

    /// As [`Self::charge`], and counts as one more allocation.
    pub(super) fn allocate(&mut self, node: NodeIdx, amount: &Resources) {
        self.change(node, |node| {
            node.allocated.add(amount);
            node.count += 1;
        });
    }

    /// Gives back what was charged.
    pub(super) fn release(&mut self, node: NodeIdx, amount: &Resources) {
        let below_limit = self.path_up(node).any(|node| !node.limit.is_none());
        self.relaxed |= below_limit;
        self.change(node, |node| node.allocated.subtract(amount));
    }

    /// Takes from `amount` what would exceed a limit of the node or of one above it, and returns whether
    /// that was anything.
    pub(super) fn chop(&self, node: NodeIdx, amount: &mut Resources) -> bool {
        let mut was_cut = false;
        for node in self.path_up(node).filter(|node| !node.limit.is_none()) {
            was_cut |= node.limit.chop(&node.allocated, amount);
        }
        was_cut
    }

    fn change(&mut self, from: NodeIdx, change: impl Fn(&mut Node)) {
        let mut next = Some(from);
        while let Some(idx) = next {
            let node = &mut self.nodes[idx.0];
            change(node);
            node.share = Share::of(&node.allocated, &self.total, node.weight);
            next = node.parent;
            self.requeue(idx);
            if !self.nodes[idx.0].limit.is_none() {
                self.refresh_limit(idx);
                self.settle(idx);
            }
        }
    }

    fn refresh_limit(&mut self, idx: NodeIdx) {
        let node = &mut self.nodes[idx.0];
        node.exhausted = node.limit.exhausted(&node.allocated).next().is_some();
    }

    fn find_or_add(&mut self, path: &str) -> NodeIdx {
        let mut node = self.root;
        for segment in path.split('/') {
            node = self.child_or_new(node, segment);
        }
        node
    }

    fn child_or_new(&mut self, parent: NodeIdx, name: &str) -> NodeIdx {
        let above = &self.nodes[parent.0];
        if let Some(child) = above.roles.get(name) {
            return *child;
        }
        let path: Arc<str> = match &*above.path {
            "" => name.into(),
            above => format!("{above}/{name}").into(),
        };
        let child = NodeIdx(self.nodes.insert(Node::new(Some(parent), path)));
        self.nodes[parent.0].roles.insert(name.into(), child);
        child
    }

    /// Drops a role that nothing needs, and then those above that it alone has kept, so that roles
    /// that come and go leave nothing behind.
    fn prune(&mut self, mut idx: NodeIdx) {
        while let Some(parent) = self.nodes[idx.0].parent
            && self.nodes[idx.0].is_disposable()
        {
            let path = Arc::clone(&self.nodes[idx.0].path);
            self.nodes.remove(idx.0);
            if let Some(name) = path.rsplit('/').next() {
                self.nodes[parent.0].roles.remove(name);
            }
            idx = parent;
        }
    }
}

#[cfg(test)]
impl Tree {
    /// Checks that the sums, the queues and the places in them are what they are computed to be.
    pub(super) fn audit(&self) {
        for (idx, node) in self.nodes.iter() {
            let children = || {
                self.nodes
                    .iter()
                    .filter(|(_, child)| child.parent == Some(NodeIdx(idx)))
            };
            assert_eq!(
                node.queue.len(),
                children()
                    .filter(|(_, child)| child.place.is_some())
                    .count()
            );
            if node.client.is_none() {
                let sum = children().fold([0; 4], |mut sum: [Millis; 4], (_, child)| {
                    for (sum, more) in sum.iter_mut().zip(child.allocated.common()) {
                        *sum += more;
                    }
                    sum
                });
                assert_eq!(&sum, node.allocated.common(), "{}", node.path);
            }
            let weights = node
                .queue
                .iter()
                .map(|child| u128::from(self.nodes[child.0].weight));
            assert_eq!(node.queue_weight, weights.sum::<u128>());
            for (place, child) in node.queue.iter().enumerate() {
                let child = &self.nodes[child.0];
                assert_eq!(child.place, Some(place));
                let above = &self.nodes[node.queue[place.saturating_sub(1) / 2].0];
                assert!(self.is_stale || place == 0 || above.order(child) == Ordering::Less);
            }
            if node.parent.is_some() {
                assert_eq!(node.wants_service(), node.place.is_some(), "{}", node.path);
                let exhausted = node.limit.exhausted(&node.allocated).next().is_some();
                assert_eq!(node.exhausted, exhausted);
                assert!(!node.is_disposable(), "{} is kept for nothing", node.path);
            }
        }
    }
}
