//! Fleets: many agents of one cell, and work for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use insula_client::Client;
use insula_proto::JoinToken;
use insula_proto::rest::{MakeToken, SubmitTask, SubmitTasks, WhatToRun};
use insula_types::Resources;
use tokio::task::JoinSet;

use super::agent::Agent;
use super::doors::Doors;
use super::enroll::{self, Identity};
use super::tally::Tally;
use crate::error::Error;
use crate::report::Report;

/// Enrollments under way at a time: more only wait for each other's signatures.
const ENROLLING_MAX: usize = 16;
/// Machines per join token: the uses of one are counted one after the other.
const TOKEN_USES: u32 = 500;
/// Most tasks of one submission, as the API has it.
const SUBMISSION_MAX: u32 = 1_000;
/// The attribute that keeps a fleet's tasks on the fleet's machines.
const ATTRIBUTE: &str = "fleet";

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    /// Number of agents.
    pub(crate) agents: u32,
    /// What each has.
    pub(crate) resources: Resources,
    /// How long each task pretends to run.
    pub(crate) run: Duration,
    /// Where they dial.
    pub(crate) doors: Doors,
    /// How long they may take to join.
    pub(crate) timeout: Duration,
}

/// Agents that have joined. They are gone when it is dropped.
pub(crate) struct Fleet {
    name: String,
    _agents: JoinSet<()>,
}

impl Fleet {
    /// Enrolls the agents, with `token` or with tokens asked for, and opens their sessions.
    ///
    /// # Errors
    /// If they cannot join, or not in time.
    pub(crate) async fn join(
        client: &Client,
        token: Option<&JoinToken>,
        crew: &Crew,
        tally: &Arc<Tally>,
        report: Report,
    ) -> Result<Self, Error> {
        let began = Instant::now();
        let identities = enroll_all(client, token, crew).await?;
        let everyone = u64::from(crew.agents);
        report.rate("enrollments", everyone, began.elapsed());
        let began = Instant::now();
        let name = uuid::Uuid::new_v4().to_string();
        let before = tally.counts().registered();
        let mut agents = JoinSet::new();
        for (number, identity) in identities.into_iter().enumerate() {
            let doors = crew.doors.begin_at(number);
            let attributes = vec![(ATTRIBUTE.to_owned(), name.clone())];
            let (resources, run) = (crew.resources.clone(), crew.run);
            let agent = Agent::new(
                identity,
                doors,
                resources,
                attributes,
                run,
                Arc::clone(tally),
            )?;
            agents.spawn(agent.serve());
        }
        tally
            .wait_until(crew.timeout, "all agents to be registered", |counts| {
                counts.registered() >= before + everyone
            })
            .await?;
        report.rate("sessions registered", everyone, began.elapsed());
        Ok(Self {
            name,
            _agents: agents,
        })
    }

    /// Submits tasks for this fleet; returns their ids once they are durable.
    ///
    /// # Errors
    /// [`Error::Api`].
    pub(crate) async fn submit(
        &self,
        client: &Client,
        tasks: u32,
        resources: &Resources,
    ) -> Result<Vec<String>, Error> {
        let mut ids = Vec::new();
        let mut left = tasks;
        while left > 0 {
            let count = left.min(SUBMISSION_MAX);
            let submitted = client.submit(&self.submission(count, resources)).await?;
            ids.extend(submitted.ids);
            left -= count;
        }
        Ok(ids)
    }

    fn submission(&self, count: u32, resources: &Resources) -> SubmitTasks {
        let task = SubmitTask {
            run: WhatToRun::Command(vec!["true".to_owned()]),
            name: Some("fleet".to_owned()),
            count,
            resources: resources.to_string(),
            env: BTreeMap::new(),
            retries: 0,
            timeout_seconds: None,
            constraints: BTreeMap::from([(ATTRIBUTE.to_owned(), self.name.clone())]),
            stdin: false,
        };
        SubmitTasks { tasks: vec![task] }
    }
}

async fn enroll_all(
    client: &Client,
    given: Option<&JoinToken>,
    crew: &Crew,
) -> Result<Vec<Identity>, Error> {
    let mut identities = Vec::new();
    let mut enrolling = JoinSet::new();
    let mut token = given.cloned();
    for number in 0..crew.agents {
        if given.is_none() && number % TOKEN_USES == 0 {
            token = Some(make_token(client).await?);
        }
        if enrolling.len() >= ENROLLING_MAX
            && let Some(enrolled) = enrolling.join_next().await
        {
            identities.push(enrolled??);
        }
        if let Some(token) = token.clone() {
            let doors = crew.doors.begin_at(identities.len());
            enrolling.spawn(async move { enroll::enroll(&token, doors.current(), number).await });
        }
    }
    while let Some(enrolled) = enrolling.join_next().await {
        identities.push(enrolled??);
    }
    Ok(identities)
}

/// Asks for a token that lets some machines join.
pub(super) async fn make_token(client: &Client) -> Result<JoinToken, Error> {
    let wanted = MakeToken {
        uses: TOKEN_USES,
        ..MakeToken::default()
    };
    let made = client.make_token(&wanted).await?;
    made.token.parse().map_err(Error::Token)
}
