//! An operator sets a role's weight and quota limit.

use std::collections::BTreeMap;

use insula_types::event::EventKind;
use insula_types::record::{Record, RoleRow};
use insula_types::resources::{Millis, SCALAR_MAX};

use crate::out::Out;
use crate::{Kernel, Rejection};

/// Longest role path, in bytes; as long as an id.
const PATH_BYTES_MAX: usize = insula_types::ids::ID_BYTES_MAX;

/// Most limits of one role; a machine has a handful of scalars.
const LIMITS_MAX: usize = 64;

impl Kernel {
    pub(crate) fn set_role(
        &mut self,
        path: String,
        weight: Millis,
        limit: BTreeMap<String, Millis>,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        check_path(&path).map_err(Rejection::Role)?;
        if weight == 0 {
            let sentence = format!("the weight of role '{path}' is 0; it must be at least 0.001");
            return Err(Rejection::Role(sentence));
        }
        if let Some(amount) = limit
            .values()
            .chain([&weight])
            .find(|amount| **amount > SCALAR_MAX)
        {
            let sentence = format!("{amount} thousandths are more than role '{path}' can be given");
            return Err(Rejection::Role(sentence));
        }
        if limit.len() > LIMITS_MAX {
            let sentence = format!("role '{path}' cannot have more than {LIMITS_MAX} limits");
            return Err(Rejection::Role(sentence));
        }
        self.allocator.set_role(&path, weight, limit.clone());
        let row = RoleRow {
            path: path.clone(),
            weight,
            limit,
        };
        out.persist(Record::Role(row.clone()));
        self.roles.insert(path.clone(), row);
        self.announce(EventKind::RoleChanged { role: path }, out);
        Ok(())
    }
}

/// A path is a tenant and the roles below it; `.` can only be its last part, the tenant's own `*`.
fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return Err(format!(
            "a role path must have 1 to {PATH_BYTES_MAX} bytes, this one has {}",
            path.len()
        ));
    }
    let parts: Vec<&str> = path.split('/').collect();
    let last = parts.len() - 1;
    for (place, part) in parts.iter().enumerate() {
        let is_own = *part == "." && place == last && place > 0;
        let is_bad = part.is_empty()
            || matches!(*part, "." | ".." | "*")
            || part.starts_with('-')
            || part.chars().any(|c| c.is_whitespace() || c.is_control());
        if is_bad && !is_own {
            return Err(format!(
                "'{part}' cannot be a part of the role path '{path}'"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_path_is_a_tenant_and_what_is_below() {
        for good in ["ml", "ml/batch", "ml/.", "ml/batch/night"] {
            assert_eq!(check_path(good), Ok(()), "{good}");
        }
        for bad in [
            "", "/ml", "ml/", ".", "ml/../x", "ml/*", "ml/./x", "a b", "-a",
        ] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
    }
}
