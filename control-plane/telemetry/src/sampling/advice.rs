//! How many traces callers may have recorded by asking.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use insula_types::TenantId;

/// Traces a second that each tenant may have recorded by its own flag, and as many at once.
const PER_SECOND: u32 = 10;

/// Tenants that are told apart; beyond that, those that were quiet for a second are forgotten, which
/// changes nothing for them.
const TENANTS_MAX: usize = 4_096;

/// A bucket of tokens for each tenant, and one for requests of nobody in particular.
#[derive(Debug, Default)]
pub(crate) struct Advice(Mutex<HashMap<Option<TenantId>, Window>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    begun: Instant,
    granted: u32,
}

impl Advice {
    /// Whether one more is recorded because its caller asks for it.
    pub(crate) fn grants(&self, tenant: Option<&TenantId>) -> bool {
        self.grants_at(tenant, Instant::now())
    }

    fn grants_at(&self, tenant: Option<&TenantId>, now: Instant) -> bool {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |window: &Window| now.duration_since(window.begun) >= Duration::from_secs(1);
        if windows.len() >= TENANTS_MAX {
            windows.retain(|_, window| !is_over(window));
            if windows.len() >= TENANTS_MAX {
                return false;
            }
        }
        let fresh = Window {
            begun: now,
            granted: 0,
        };
        let window = windows.entry(tenant.cloned()).or_insert(fresh);
        if is_over(window) {
            *window = fresh;
        }
        let is_granted = window.granted < PER_SECOND;
        window.granted += u32::from(is_granted);
        is_granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_asks_for_everything_gets_its_share_and_others_theirs() {
        let advice = Advice::default();
        let now = Instant::now();
        let (loud, quiet) = (TenantId::from("loud"), TenantId::from("quiet"));
        let granted = (0..1_000).filter(|_| advice.grants_at(Some(&loud), now));
        assert_eq!(granted.count(), 10);
        assert!(advice.grants_at(Some(&quiet), now) && advice.grants_at(None, now));
        assert!(advice.grants_at(Some(&loud), now + Duration::from_secs(1)));
    }

    #[test]
    fn how_many_tenants_are_remembered_is_bounded() {
        let advice = Advice::default();
        let now = Instant::now();
        for number in 0..TENANTS_MAX {
            let tenant = TenantId::from(format!("t{number}").as_str());
            assert!(advice.grants_at(Some(&tenant), now));
        }
        let late = TenantId::from("late");
        assert!(!advice.grants_at(Some(&late), now));
        assert!(advice.grants_at(Some(&late), now + Duration::from_secs(1)));
    }
}
