//! Each node's queue of children that ask: a binary heap whose members know their place, so that one
//! of them moves in O(log n) when its share changes.

use std::cmp::Ordering;

use super::{NodeIdx, Tree};
use crate::allocator::share::Share;

impl Tree {
    /// Says whether a framework wants to be asked.
    pub(in crate::allocator) fn set_asks(&mut self, node: NodeIdx, asks: bool) {
        self.nodes[node.0].asks = asks;
        self.settle(node);
    }

    /// Whether anybody is to be asked.
    pub(in crate::allocator) fn anybody_asks(&self) -> bool {
        !self.nodes[self.root.0].queue.is_empty()
    }

    /// Makes a node enter or leave its parent's queue as it should, and so on upwards.
    pub(super) fn settle(&mut self, mut idx: NodeIdx) {
        while let Some(parent) = self.nodes[idx.0].parent {
            match (self.nodes[idx.0].wants_service(), self.nodes[idx.0].place) {
                (true, None) => self.enter_queue(idx, parent),
                (false, Some(_)) => self.leave_queue(idx),
                _ => return,
            }
            idx = parent;
        }
    }

    /// Restores the order around a node whose share has changed.
    pub(super) fn requeue(&mut self, idx: NodeIdx) {
        let node = &self.nodes[idx.0];
        if let (Some(parent), Some(place)) = (node.parent, node.place) {
            self.restore(parent, place);
        }
    }

    /// Computes all shares and orders all queues anew if the cell's total has changed: which scalar
    /// dominates depends on it. Agents join in bursts and leave seldom, so once per cycle suffices.
    pub(in crate::allocator) fn freshen(&mut self) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        for (_, node) in self.nodes.iter_mut() {
            node.share = Share::of(&node.allocated, &self.total, node.weight);
        }
        let nodes: Vec<NodeIdx> = self.nodes.iter().map(|(idx, _)| NodeIdx(idx)).collect();
        for node in nodes {
            for place in (0..self.nodes[node.0].queue.len() / 2).rev() {
                self.sift_down(node, place);
            }
        }
    }

    fn enter_queue(&mut self, idx: NodeIdx, parent: NodeIdx) {
        let weight = self.nodes[idx.0].weight;
        let above = &mut self.nodes[parent.0];
        above.queue_weight += u128::from(weight);
        above.queue.push(idx);
        let place = above.queue.len() - 1;
        self.nodes[idx.0].place = Some(place);
        self.sift_up(parent, place);
    }

    fn leave_queue(&mut self, idx: NodeIdx) {
        let node = &mut self.nodes[idx.0];
        let (Some(parent), Some(place)) = (node.parent, node.place.take()) else {
            return;
        };
        let weight = node.weight;
        let above = &mut self.nodes[parent.0];
        above.queue_weight -= u128::from(weight);
        above.queue.swap_remove(place);
        if place < above.queue.len() {
            let moved = above.queue[place];
            self.nodes[moved.0].place = Some(place);
            self.restore(parent, place);
        }
    }

    fn restore(&mut self, parent: NodeIdx, place: usize) {
        let place = self.sift_up(parent, place);
        self.sift_down(parent, place);
    }

    fn sift_up(&mut self, parent: NodeIdx, mut place: usize) -> usize {
        while place > 0 && self.precedes(parent, place, (place - 1) / 2) {
            self.swap(parent, place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        place
    }

    fn sift_down(&mut self, parent: NodeIdx, mut place: usize) {
        let len = self.nodes[parent.0].queue.len();
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            if left >= len {
                return;
            }
            let smaller = if right < len && self.precedes(parent, right, left) {
                right
            } else {
                left
            };
            if !self.precedes(parent, smaller, place) {
                return;
            }
            self.swap(parent, smaller, place);
            place = smaller;
        }
    }

    fn precedes(&self, parent: NodeIdx, one: usize, other: usize) -> bool {
        let queue = &self.nodes[parent.0].queue;
        let (one, other) = (&self.nodes[queue[one].0], &self.nodes[queue[other].0]);
        one.order(other) == Ordering::Less
    }

    fn swap(&mut self, parent: NodeIdx, one: usize, other: usize) {
        let queue = &mut self.nodes[parent.0].queue;
        queue.swap(one, other);
        let (first, second) = (queue[one], queue[other]);
        self.nodes[first.0].place = Some(one);
        self.nodes[second.0].place = Some(other);
    }
}
