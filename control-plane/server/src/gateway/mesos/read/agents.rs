//! `/slaves`, and the agents within `/state`.

use insula_proto::convert::offer::attributes_to_wire;
use insula_proto::convert::resources::{View, to_wire};
use insula_proto::encode_json_value;
use insula_store::PAGE_ROWS_MAX;
use insula_types::Resources;
use insula_types::record::{AgentRow, AgentState};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Source;
use super::parameters::Parameters;
use super::resources::Flat;
use super::writer::{End, Writer};

/// Abilities of every agent here, by the names of Mesos.
const CAPABILITIES: [&str; 2] = ["MULTI_ROLE", "HIERARCHICAL_ROLE"];

/// How many agents there are of each sort.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    /// Registered and connected.
    pub(super) active: u64,
    /// Registered, but without a connection now.
    pub(super) inactive: u64,
    /// Silent for too long.
    pub(super) unreachable: u64,
}

#[derive(Serialize)]
struct Agent<'a> {
    id: &'a str,
    hostname: &'a str,
    port: u16,
    attributes: Map<String, Value>,
    pid: String,
    registered_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reregistered_time: Option<f64>,
    resources: Flat<'a>,
    used_resources: Flat<'a>,
    offered_resources: Flat<'a>,
    reserved_resources: Map<String, Value>,
    unreserved_resources: Flat<'a>,
    active: bool,
    deactivated: bool,
    version: &'a str,
    capabilities: [&'static str; 2],
    /// The same once more in the form of offers, which only `/slaves` has.
    #[serde(flatten)]
    full: Option<Full>,
}

#[derive(Serialize)]
struct Full {
    reserved_resources_full: Map<String, Value>,
    unreserved_resources_full: Vec<Value>,
    used_resources_full: Vec<Value>,
    offered_resources_full: Vec<Value>,
}

/// Writes `/slaves`.
pub(super) async fn write(
    source: &Source,
    parameters: &Parameters,
    out: &mut Writer,
) -> Result<(), End> {
    out.text(r#"{"slaves":["#);
    list(source, parameters.agent_id.as_deref(), true, out).await?;
    out.text(r#"],"recovered_slaves":[]}"#);
    Ok(())
}

/// Writes all agents that are not unreachable, or one of them.
pub(super) async fn list(
    source: &Source,
    only: Option<&str>,
    full: bool,
    out: &mut Writer,
) -> Result<Counts, End> {
    let mut counts = Counts::default();
    let mut after = None;
    loop {
        let page = source
            .store
            .agents(&source.cell, after.as_ref(), PAGE_ROWS_MAX)
            .await?;
        for row in &page.rows {
            let connected = source.live.agent(&row.agent).is_some_and(|it| it.connected);
            match row.state {
                AgentState::Unreachable { .. } => {
                    counts.unreachable += 1;
                    continue;
                }
                AgentState::Registered if connected => counts.active += 1,
                AgentState::Registered => counts.inactive += 1,
            }
            if only.is_none_or(|only| only == row.agent.as_str()) {
                agent(source, row, full, out).await?;
            }
        }
        if !page.more {
            return Ok(counts);
        }
        after = page.rows.last().map(|row| row.agent.clone());
    }
}

async fn agent(source: &Source, row: &AgentRow, full: bool, out: &mut Writer) -> Result<(), End> {
    let live = source.live.agent(&row.agent);
    let nothing = Resources::new();
    let used = live.map_or(&nothing, |live| &live.used);
    let offered = live.map_or(&nothing, |live| &live.offered);
    let all = &row.info.resources;
    let again = row.reregistered_at > row.registered_at;
    let shown = Agent {
        id: row.agent.as_str(),
        hostname: &row.info.hostname,
        // An agent does not listen; it is reached through this port.
        port: source.master.port,
        attributes: attributes(&row.info.attributes),
        pid: format!("slave({})@{}", row.agent, source.master.address()),
        registered_time: row.registered_at.as_secs_f64(),
        reregistered_time: again.then(|| row.reregistered_at.as_secs_f64()),
        resources: Flat(all),
        used_resources: Flat(used),
        offered_resources: Flat(offered),
        reserved_resources: Map::new(),
        unreserved_resources: Flat(all),
        active: live.is_some_and(|live| live.connected),
        deactivated: false,
        version: &row.info.version,
        capabilities: CAPABILITIES,
        full: full.then(|| Full {
            reserved_resources_full: Map::new(),
            unreserved_resources_full: in_full(all),
            used_resources_full: in_full(used),
            offered_resources_full: in_full(offered),
        }),
    };
    out.item(&shown).await
}

/// Attributes by name: numbers and texts. Of a name that repeats, the last one is shown, as in Mesos.
fn attributes(attributes: &[(String, String)]) -> Map<String, Value> {
    let value = |attribute: &insula_proto::mesos::v1::Attribute| match &attribute.scalar {
        Some(scalar) => json!(scalar.value),
        None => json!(attribute.text.as_ref().map(|text| &text.value)),
    };
    let attributes = attributes_to_wire(attributes);
    let entries = attributes.iter().map(|it| (it.name.clone(), value(it)));
    entries.collect()
}

fn in_full(resources: &Resources) -> Vec<Value> {
    let view = View {
        role: None,
        refined: false,
    };
    let entries = to_wire(resources, view);
    entries.iter().map(encode_json_value).collect()
}
