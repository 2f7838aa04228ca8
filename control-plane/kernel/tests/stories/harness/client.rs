//! What a framework of a test says and hears.

use bytes::Bytes;
use insula_kernel::input::{Call, Cause, Filters, LaunchTask, Subscribe};
use insula_kernel::{Input, Outcome, Rejection};
use insula_types::framework::{Capabilities, FrameworkInfo};
use insula_types::message::{Offer, THERE, ToFramework};
use insula_types::{
    FrameworkKey, LaunchId, OfferId, SessionId, Span, TaskKey, TaskState, TaskStatus, TraceContext,
};

use super::{Cell, TENANT, launch, named};

/// A framework as a test speaks of it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) key: FrameworkKey,
    pub(crate) session: SessionId,
    pub(crate) info: FrameworkInfo,
}

impl Cell {
    pub(crate) fn info(&self, roles: &[&str]) -> FrameworkInfo {
        FrameworkInfo {
            name: "test".to_owned(),
            user: "nobody".to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            capabilities: Capabilities {
                partition_aware: true,
                multi_role: true,
                ..Capabilities::default()
            },
            failover_timeout: Span::from_secs(3600),
            checkpoint: true,
            principal: String::new(),
            hostname: "here".to_owned(),
            webui_url: String::new(),
            payload: Bytes::new(),
        }
    }

    /// A framework subscribes with an id of its own and the role `*`.
    pub(crate) fn framework(&mut self, id: &str) -> Client {
        let info = self.info(&["*"]);
        self.subscribe(TENANT, id, info, &[]).unwrap()
    }

    /// A framework subscribes, and its gateway says that the stream is there if it is asked.
    pub(crate) fn subscribe(
        &mut self,
        tenant: &str,
        id: &str,
        info: FrameworkInfo,
        suppressed: &[&str],
    ) -> Result<Client, Rejection> {
        let client = self.subscribe_unheard(tenant, id, info, suppressed)?;
        let heard = self.inbox.get_mut(&client.session);
        if let Some(heard) = heard.filter(|heard| heard[..] == [ToFramework::Mark(THERE)]) {
            heard.clear();
            self.there(&client);
        }
        Ok(client)
    }

    /// A gateway says that the stream of a session is there.
    pub(crate) fn there(&mut self, client: &Client) {
        self.step(Input::MarkReached {
            framework: client.key.clone(),
            session: client.session.clone(),
            mark: THERE,
        })
        .unwrap();
    }

    /// A framework subscribes, and nothing more is heard of its stream.
    pub(crate) fn subscribe_unheard(
        &mut self,
        tenant: &str,
        id: &str,
        info: FrameworkInfo,
        suppressed: &[&str],
    ) -> Result<Client, Rejection> {
        let session = self.new_session();
        let request = self.request();
        self.step(Input::Subscribe(Box::new(Subscribe {
            request,
            tenant: tenant.into(),
            framework: Some(id.into()),
            fresh: "fresh".into(),
            session: session.clone(),
            info: info.clone(),
            suppressed: suppressed.iter().map(|role| (*role).to_owned()).collect(),
        })))?;
        assert_eq!(self.reply(request), Some(&Outcome::Subscribed(id.into())));
        let key = FrameworkKey {
            tenant: tenant.into(),
            framework: id.into(),
        };
        Ok(Client { key, session, info })
    }

    pub(crate) fn again(&mut self, client: &Client) -> Client {
        let tenant = client.key.tenant.to_string();
        let id = client.key.framework.to_string();
        self.subscribe(&tenant, &id, client.info.clone(), &[])
            .unwrap()
    }

    pub(crate) fn again_unheard(&mut self, client: &Client) -> Client {
        let tenant = client.key.tenant.to_string();
        let id = client.key.framework.to_string();
        self.subscribe_unheard(&tenant, &id, client.info.clone(), &[])
            .unwrap()
    }

    pub(crate) fn call(&mut self, client: &Client, call: Call) -> Result<(), Rejection> {
        let request = self.request();
        self.step(Input::Call {
            request,
            framework: client.key.clone(),
            session: client.session.clone(),
            call,
            trace: TraceContext::default(),
        })?;
        assert_eq!(self.reply(request), Some(&Outcome::Accepted));
        Ok(())
    }

    pub(crate) fn disconnect(&mut self, client: &Client) {
        self.part(client, Cause::ByPeer);
    }

    pub(crate) fn part(&mut self, client: &Client, cause: Cause) {
        self.step(Input::FrameworkDisconnected {
            framework: client.key.clone(),
            session: client.session.clone(),
            cause,
        })
        .unwrap();
    }

    /// Everything that the session received since the last time.
    pub(crate) fn heard(&mut self, client: &Client) -> Vec<ToFramework> {
        self.inbox.remove(&client.session).unwrap_or_default()
    }

    /// The offers that the session received since the last time and that were not rescinded.
    pub(crate) fn offers(&mut self, client: &Client) -> Vec<Offer> {
        let mut valid = Vec::new();
        for message in self.heard(client) {
            match message {
                ToFramework::Offers(offers) => valid.extend(offers),
                ToFramework::Rescind(id) => valid.retain(|offer: &Offer| offer.id != id),
                _ => {}
            }
        }
        valid
    }

    /// The statuses that the session received since the last time.
    pub(crate) fn updates(&mut self, client: &Client) -> Vec<TaskStatus> {
        let updates = self
            .heard(client)
            .into_iter()
            .filter_map(|message| match message {
                ToFramework::Update(status) => Some(*status),
                _ => None,
            });
        updates.collect()
    }

    /// The one status that the session received since the last time.
    pub(crate) fn update(&mut self, client: &Client) -> TaskStatus {
        let mut updates = self.updates(client);
        assert_eq!(updates.len(), 1, "{updates:?}");
        updates.pop().unwrap()
    }

    pub(crate) fn accept(&mut self, client: &Client, offers: &[Offer], tasks: Vec<LaunchTask>) {
        let ids = offers.iter().map(|offer| offer.id).collect();
        self.accept_ids(client, ids, tasks, Filters { refuse: Span::ZERO });
    }

    pub(crate) fn accept_ids(
        &mut self,
        client: &Client,
        offers: Vec<OfferId>,
        launches: Vec<LaunchTask>,
        filters: Filters,
    ) {
        let offers = offers.into_iter().map(named).collect();
        let call = Call::Accept {
            offers,
            launches,
            filters,
        };
        self.call(client, call).unwrap();
    }

    pub(crate) fn decline(&mut self, client: &Client, offers: &[Offer], refuse: Span) {
        let offers = offers.iter().map(|offer| offer.id).collect();
        let filters = Filters { refuse };
        self.call(client, Call::Decline { offers, filters })
            .unwrap();
    }

    pub(crate) fn kill(&mut self, client: &Client, task: &str) {
        let call = Call::Kill {
            task: task.into(),
            agent: None,
            grace: None,
        };
        self.call(client, call).unwrap();
    }

    pub(crate) fn acknowledge(&mut self, client: &Client, status: &TaskStatus) {
        let call = Call::Acknowledge {
            agent: status.agent.clone().unwrap(),
            task: status.task.clone(),
            uuid: status.uuid.unwrap(),
        };
        self.call(client, call).unwrap();
    }

    /// A framework with a task that runs on the agent, its RUNNING update acknowledged.
    pub(crate) fn running(&mut self, client: &Client, agent: &str, task: &str) -> LaunchId {
        let launch = self.launched(client, agent, task, "cpus:1;mem:128");
        self.obey(agent);
        self.report(agent, launch, TaskState::Running);
        let status = self.update(client);
        assert_eq!(status.state, TaskState::Running);
        self.acknowledge(client, &status);
        self.obey(agent);
        launch
    }

    /// A framework accepts an offer of the agent for a task.
    pub(crate) fn launched(
        &mut self,
        client: &Client,
        agent: &str,
        task: &str,
        resources: &str,
    ) -> LaunchId {
        self.allocate();
        let offers = self.offers(client);
        let (offer, others): (Vec<Offer>, Vec<Offer>) = offers
            .into_iter()
            .partition(|offer| offer.agent.as_str() == agent);
        assert!(!offer.is_empty(), "{agent} was not offered");
        self.decline(client, &others, Span::ZERO);
        self.accept(client, &offer, vec![launch(task, agent, resources)]);
        self.launch_of(client, task)
    }

    pub(crate) fn launch_of(&self, client: &Client, task: &str) -> LaunchId {
        let key = TaskKey {
            framework: client.key.clone(),
            task: task.into(),
        };
        let rows = self.store.rows().tasks;
        let row = rows.iter().rev().find(|row| row.key == key);
        row.unwrap_or_else(|| panic!("no task {task}")).launch
    }

    pub(crate) fn state(&self, launch: LaunchId) -> TaskState {
        self.store.task(launch).status.state
    }
}
