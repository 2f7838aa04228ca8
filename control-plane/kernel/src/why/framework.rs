//! Why a framework gets no offers, or no more of them.

use insula_types::FrameworkKey;
use insula_types::why::Why;

use crate::Kernel;
use crate::builtin::ROLE;
use crate::framework::Framework;

impl Kernel {
    /// Why a framework gets no offers, or no more of them, role by role and the decisive reason
    /// first; nothing if there is no such framework or it was removed.
    #[must_use]
    pub fn why_framework(&self, framework: &FrameworkKey) -> Option<Vec<Why>> {
        let framework = self.frameworks.get(self.frameworks.find(framework)?);
        if framework.is_removed() {
            return None;
        }
        let Some(client) = framework.client() else {
            let requests = self.requests.get(&framework.key.tenant);
            let waits = requests.is_some_and(|requests| requests.waiting() > 0);
            return Some(if waits {
                self.why_role(framework, ROLE)
            } else {
                Vec::new()
            });
        };
        if framework.session().is_none() {
            return Some(vec![Why::FrameworkDisconnected]);
        }
        let roles = client.row.info.roles.iter();
        let mut reasons = Vec::new();
        for why in roles.flat_map(|role| self.why_role(framework, role)) {
            if !reasons.contains(&why) {
                reasons.push(why);
            }
        }
        Some(reasons)
    }

    fn why_role(&self, framework: &Framework, role: &str) -> Vec<Why> {
        let id = |agent| self.agents.get(agent).row.agent.clone();
        self.allocator.explain(framework.idx, role, self.now, id)
    }
}
