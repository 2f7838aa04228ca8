//! A framework subscribes: for the first time, again, or from another place.

use insula_types::event::EventKind;
use insula_types::framework::{BUILT_IN, FrameworkInfo};
use insula_types::message::ToFramework;
use insula_types::record::{FrameworkRow, FrameworkState, Record};
use insula_types::{FrameworkKey, Time};

use crate::allocator::FrameworkIdx;
use crate::framework::answer::Flow;
use crate::framework::{Client, Link, Side};
use crate::input::Subscribe;
use crate::out::Out;
use crate::{Kernel, Outcome, Rejection};

impl Kernel {
    /// The newest subscription of an id wins, at once or, over a session that stands, when its stream
    /// is known to be there.
    pub(crate) fn subscribe(
        &mut self,
        subscribe: Subscribe,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        let id = subscribe.framework.as_ref().unwrap_or(&subscribe.fresh);
        let key = FrameworkKey {
            tenant: subscribe.tenant.clone(),
            framework: id.clone(),
        };
        let known = self.frameworks.find(&key);
        self.check_subscription(&key, known, &subscribe)?;
        let idx = match known {
            Some(idx) => idx,
            None => self.add_client(&key, &subscribe.info)?,
        };
        out.reply(subscribe.request, Outcome::Subscribed(key.framework));
        if self.frameworks.get(idx).session().is_some() {
            self.await_successor(idx, subscribe, out);
        } else {
            self.begin_session(idx, known.is_none(), subscribe, out);
        }
        Ok(())
    }

    /// The framework has a session from here on.
    pub(crate) fn begin_session(
        &mut self,
        idx: FrameworkIdx,
        new: bool,
        subscribe: Subscribe,
        out: &mut Out,
    ) {
        self.renew_client(idx, &subscribe, out);
        self.renew_demand(idx, new, &subscribe.suppressed);
        self.frameworks.set_link(idx, Link::Up(subscribe.session));
        let framework = self.frameworks.get(idx).key.clone();
        if let Some(peer) = self.frameworks.get(idx).peer() {
            let framework = framework.framework.clone();
            out.tell_framework(peer, ToFramework::Subscribed { framework });
        }
        let name = subscribe.info.name;
        self.announce(EventKind::FrameworkSubscribed { framework, name }, out);
        self.owe_pending(idx, out);
    }

    fn check_subscription(
        &self,
        key: &FrameworkKey,
        known: Option<FrameworkIdx>,
        subscribe: &Subscribe,
    ) -> Result<(), Rejection> {
        if key.framework.as_str() == BUILT_IN {
            return Err(Rejection::Subscription(format!(
                "Framework ID '{BUILT_IN}' is reserved for the tenant's built-in framework"
            )));
        }
        if let Some(role) = foreign_role(&subscribe.info, &subscribe.suppressed) {
            return Err(Rejection::Subscription(format!(
                "Suppressed role '{role}' is not contained in the list of roles"
            )));
        }
        let Some(framework) = known.map(|idx| self.frameworks.get(idx)) else {
            return Ok(());
        };
        if framework.is_removed() {
            return Err(Rejection::FrameworkRemoved);
        }
        let principal = framework
            .client()
            .map(|client| client.row.info.principal.as_str());
        if principal.is_some_and(|principal| principal != subscribe.info.principal) {
            return Err(Rejection::Subscription(
                "Changing framework's principal is not allowed.".to_owned(),
            ));
        }
        Ok(())
    }

    fn add_client(
        &mut self,
        key: &FrameworkKey,
        info: &FrameworkInfo,
    ) -> Result<FrameworkIdx, Rejection> {
        let row = FrameworkRow {
            key: key.clone(),
            info: info.clone(),
            state: FrameworkState::Subscribed,
            suppressed: Vec::new(),
            registered_at: self.now,
            reregistered_at: self.now,
        };
        let client = Client {
            row,
            link: Link::Away {
                deadline: Time::NEVER,
            },
            successor: None,
            answers: std::collections::VecDeque::new(),
            flow: Flow::default(),
        };
        self.frameworks
            .add(key.clone(), Side::Client(Box::new(client)))
            .ok_or(Rejection::TooMany {
                what: "frameworks".into(),
                limit: u32::MAX as usize,
            })
    }

    /// Writes what the framework says about itself; user and checkpointing cannot change and are kept
    /// silently, as Mesos does.
    fn renew_client(&mut self, idx: FrameworkIdx, subscribe: &Subscribe, out: &mut Out) {
        let now = self.now;
        let Some(client) = self.frameworks.get_mut(idx).client_mut() else {
            return;
        };
        let row = &mut client.row;
        row.info = FrameworkInfo {
            user: row.info.user.clone(),
            checkpoint: row.info.checkpoint,
            ..subscribe.info.clone()
        };
        row.state = FrameworkState::Subscribed;
        row.suppressed.clone_from(&subscribe.suppressed);
        row.reregistered_at = now;
        out.persist(Record::Framework(Box::new(row.clone())));
    }

    /// The suppressed roles are those of this subscription; filters of earlier ones are void.
    fn renew_demand(&mut self, idx: FrameworkIdx, new: bool, suppressed: &[String]) {
        let framework = self.frameworks.get(idx);
        let Some(client) = framework.client() else {
            return;
        };
        let info = &client.row.info;
        let gpus = info.capabilities.gpu_resources;
        if new {
            let tenant = &framework.key.tenant;
            self.allocator.add_framework(idx, tenant, gpus, &info.roles);
        } else {
            self.allocator.update_framework(idx, gpus, &info.roles);
            self.allocator.revive(idx, None);
        }
        for role in suppressed {
            self.allocator.suppress(idx, Some(role));
        }
        self.allocator.set_framework_active(idx, true);
    }
}

fn foreign_role<'a>(info: &FrameworkInfo, suppressed: &'a [String]) -> Option<&'a String> {
    suppressed.iter().find(|role| !info.roles.contains(role))
}
