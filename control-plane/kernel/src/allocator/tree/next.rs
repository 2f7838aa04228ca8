//! Who comes next, and how much would be fair.

use insula_types::resources::Millis;

use super::Tree;
use crate::allocator::ClientIdx;

/// Fractions of the cell in units of 2^-32: finer than any cell has frameworks.
const WHOLE: u64 = 1 << 32;

/// The framework, in a role, that is to be served next.
#[derive(Debug, Clone, Copy)]
pub(in crate::allocator) struct Next {
    pub(in crate::allocator) client: ClientIdx,
    /// How much of each common scalar it may get before it, or any role above it, would hold more than
    /// its fair part of the cell.
    pub(in crate::allocator) room: [Millis; 4],
}

impl Tree {
    /// Follows the smallest weighted share from the root down to a framework.
    ///
    /// A node's fair part is its parent's, divided among the children that ask now in proportion to
    /// their weights: those that want nothing leave their part to the others. It is rounded up, so that
    /// a part that is exactly some agents is not cut a thousandth short of the last of them.
    pub(in crate::allocator) fn next(&self) -> Option<Next> {
        let mut node = &self.nodes[self.root.0];
        let mut fraction = WHOLE;
        let mut room = [Millis::MAX; 4];
        loop {
            let child = &self.nodes[node.queue.first()?.0];
            let weight = u128::from(child.weight);
            if weight < node.queue_weight {
                fraction = narrow((u128::from(fraction) * weight).div_ceil(node.queue_weight));
            }
            let sums = self.total.common().iter().zip(child.allocated.common());
            for (room, (total, allocated)) in room.iter_mut().zip(sums) {
                let fair =
                    narrow((u128::from(*total) * u128::from(fraction)).div_ceil(WHOLE.into()));
                *room = (*room).min(fair.saturating_sub(*allocated));
            }
            if let Some((client, _)) = child.client {
                return Some(Next { client, room });
            }
            node = child;
        }
    }
}

/// Narrows a product with a fraction of at most one, which never exceeds the other factor.
fn narrow(product: u128) -> u64 {
    u64::try_from(product).unwrap_or(u64::MAX)
}
