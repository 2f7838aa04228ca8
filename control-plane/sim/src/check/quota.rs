//! A quota limit is never exceeded by a new allocation.

use std::collections::{BTreeMap, BTreeSet};

use insula_kernel::Kernel;
use insula_types::record::{RoleRow, Rows};
use insula_types::{LaunchId, OfferId, Resources};

use super::{Violation, must};

/// What was allocated when it was looked at last.
#[derive(Debug, Default)]
pub(crate) struct QuotaCheck {
    offers: BTreeSet<OfferId>,
    launches: BTreeSet<LaunchId>,
}

impl QuotaCheck {
    /// Starts with a kernel that was just loaded.
    pub(crate) fn new(kernel: &Kernel) -> Self {
        let mut check = Self::default();
        check.remember(kernel, &kernel.rows());
        check
    }

    /// What is new since the last step leaves every role above it within its limit. What was there
    /// before may exceed it: a limit can be lowered, and tasks come back with their agent.
    pub(crate) fn a_limit_is_never_exceeded_by_what_is_new(
        &mut self,
        kernel: &Kernel,
    ) -> Result<(), Violation> {
        let rows = kernel.rows();
        self.check(kernel, &rows)?;
        self.remember(kernel, &rows);
        Ok(())
    }

    fn remember(&mut self, kernel: &Kernel, rows: &Rows) {
        self.offers = kernel.offers().map(|offer| offer.id).collect();
        self.launches = rows.tasks.iter().map(|task| task.launch).collect();
    }

    fn check(&self, kernel: &Kernel, rows: &Rows) -> Result<(), Violation> {
        let mut all: BTreeMap<String, Resources> = BTreeMap::new();
        let mut new: BTreeMap<String, Resources> = BTreeMap::new();
        for offer in kernel.offers() {
            let path = path(offer.framework.tenant.as_str(), &offer.role);
            if !self.offers.contains(&offer.id) {
                new.entry(path.clone()).or_default().add(&offer.resources);
            }
            all.entry(path).or_default().add(&offer.resources);
        }
        for task in &rows.tasks {
            if !task.status.state.holds_resources() {
                continue;
            }
            let path = path(task.key.framework.tenant.as_str(), &task.role);
            // A task on what was offered before is no new allocation, only one of a built-in is.
            let built_in =
                task.key.framework.framework.as_str() == insula_types::framework::BUILT_IN;
            if built_in && !self.launches.contains(&task.launch) {
                new.entry(path.clone()).or_default().add(&task.resources);
            }
            all.entry(path).or_default().add(&task.resources);
        }
        rows.roles
            .iter()
            .try_for_each(|role| within_limit(role, &all, &new))
    }
}

fn within_limit(
    role: &RoleRow,
    all: &BTreeMap<String, Resources>,
    new: &BTreeMap<String, Resources>,
) -> Result<(), Violation> {
    let below = |path: &String| *path == role.path || path.starts_with(&format!("{}/", role.path));
    let sum = |of: &BTreeMap<String, Resources>| {
        let parts = of.iter().filter(|(path, _)| below(path));
        Resources::sum(parts.map(|(_, part)| part))
    };
    let (all, new) = (sum(all), sum(new));
    for (name, limit) in &role.limit {
        must(
            new.scalar(name) == 0 || all.scalar(name) <= *limit,
            "a quota limit is never exceeded by a new allocation",
            || {
                format!(
                    "{} has {all} of which {new} is new, and its limit of {name} is {limit} thousandths",
                    role.path
                )
            },
        )?;
    }
    Ok(())
}

/// The full path of a role as a framework of the tenant names it (rule R20).
fn path(tenant: &str, role: &str) -> String {
    match role {
        "*" => format!("{tenant}/."),
        other => format!("{tenant}/{other}"),
    }
}
