//! Shares as people and views see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use insula_types::Resources;
use insula_types::resources::Millis;

use super::Allocator;

/// A role's part of the cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleShare {
    /// The full path, the tenant first; `.` as the last segment stands for the frameworks of the role
    /// before it.
    pub path: Arc<str>,
    /// The weight, in thousandths.
    pub weight: Millis,
    /// The quota limit by scalar name, in thousandths; what is absent is not limited.
    pub limit: BTreeMap<String, Millis>,
    /// The scalars that everything below the path uses and is offered.
    pub allocated: Resources,
    /// The weighted dominant share as an exact ratio: numerator and denominator, which is never 0.
    pub share: (u64, u128),
}

impl Allocator {
    /// All roles that have frameworks, charges or settings, ordered by path.
    #[must_use]
    pub fn shares(&self) -> Vec<RoleShare> {
        let mut shares: Vec<RoleShare> = self
            .tree
            .roles()
            .map(|role| RoleShare {
                path: Arc::clone(role.path()),
                weight: role.weight(),
                limit: role.limit().by_name().clone(),
                allocated: role.allocated().to_resources(),
                share: role.share_of(self.tree.total()),
            })
            .collect();
        shares.sort_by(|one, other| one.path.cmp(&other.path));
        shares
    }

    /// The scalars that all agents of the cell have together.
    #[must_use]
    pub fn total(&self) -> Resources {
        self.tree.total().to_resources()
    }
}
