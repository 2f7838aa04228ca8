//! `/frameworks`, and the frameworks within `/state`.

use std::collections::BTreeMap;

use insula_kernel::view::{FrameworkView, OfferView};
use insula_proto::decode_protobuf;
use insula_proto::mesos::v1;
use insula_store::{PAGE_ROWS_MAX, TaskFilter, TaskGroup};
use insula_types::framework::{BUILT_IN, Capabilities, FrameworkInfo};
use insula_types::record::{FrameworkRow, FrameworkState};
use insula_types::{FrameworkKey, Resources, Span, TaskState, Time};
use serde::Serialize;

use super::Source;
use super::parameters::Parameters;
use super::resources::Flat;
use super::tasks;
use super::writer::{End, Writer};

/// Removed frameworks that are shown, the last ones; that of Mesos.
const COMPLETED_MAX: usize = 50;

#[derive(Serialize)]
struct Framework<'a> {
    id: &'a str,
    name: &'a str,
    used_resources: Flat<'a>,
    offered_resources: Flat<'a>,
    capabilities: Vec<&'static str>,
    hostname: &'a str,
    webui_url: &'a str,
    active: bool,
    connected: bool,
    recovered: bool,
    user: &'a str,
    failover_timeout: f64,
    checkpoint: bool,
    registered_time: f64,
    unregistered_time: f64,
    #[serde(skip_serializing_if = "str::is_empty")]
    principal: &'a str,
    resources: Flat<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reregistered_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Offer<'a> {
    id: String,
    framework_id: &'a str,
    allocation_info: Role<'a>,
    slave_id: &'a str,
    resources: Flat<'a>,
}

#[derive(Serialize)]
struct Role<'a> {
    role: &'a str,
}

/// Writes `/frameworks`.
pub(super) async fn write(
    source: &Source,
    parameters: &Parameters,
    out: &mut Writer,
) -> Result<(), End> {
    out.text("{");
    lists(source, parameters.framework_id.as_deref(), out).await?;
    out.text(r#","unregistered_frameworks":[]}"#);
    Ok(())
}

/// Writes the two lists of frameworks, those that live and those that were removed, with their
/// names; all, or one of them.
pub(super) async fn lists(
    source: &Source,
    only: Option<&str>,
    out: &mut Writer,
) -> Result<(), End> {
    let is_shown = |key: &FrameworkKey| only.is_none_or(|only| only == key.framework.as_str());
    out.text(r#""frameworks":["#);
    if let Some(view) = source.live.built_in()
        && is_shown(&view.framework)
    {
        framework(source, &built_in(source, view), out).await?;
    }
    let mut removed = BTreeMap::new();
    let mut after: Option<FrameworkKey> = None;
    loop {
        let page = source
            .store
            .frameworks(
                &source.cell,
                Some(&source.tenant),
                after.as_ref(),
                PAGE_ROWS_MAX,
            )
            .await?;
        after = page.rows.last().map(|row| row.key.clone());
        for row in page.rows.into_iter().filter(|row| is_shown(&row.key)) {
            match row.state {
                FrameworkState::Removed { at } => keep(&mut removed, at, row),
                _ => framework(source, &row, out).await?,
            }
        }
        if !page.more {
            break;
        }
    }
    out.text(r#"],"completed_frameworks":["#);
    for row in removed.values().rev() {
        framework(source, row, out).await?;
    }
    out.text("]");
    Ok(())
}

type Removed = BTreeMap<(Time, FrameworkKey), FrameworkRow>;

/// Keeps the last ones.
fn keep(removed: &mut Removed, at: Time, row: FrameworkRow) {
    removed.insert((at, row.key.clone()), row);
    if removed.len() > COMPLETED_MAX {
        removed.pop_first();
    }
}

/// A built-in framework in the form of a row; it is there as long as the process is.
fn built_in(source: &Source, view: &FrameworkView) -> FrameworkRow {
    FrameworkRow {
        key: view.framework.clone(),
        info: FrameworkInfo {
            name: BUILT_IN.to_owned(),
            user: String::new(),
            roles: vec!["*".to_owned()],
            capabilities: Capabilities::default(),
            failover_timeout: Span::ZERO,
            checkpoint: true,
            principal: String::new(),
            hostname: source.master.hostname.clone(),
            webui_url: String::new(),
            payload: bytes::Bytes::new(),
        },
        state: FrameworkState::Subscribed,
        suppressed: Vec::new(),
        registered_at: source.master.started_at,
        reregistered_at: source.master.started_at,
    }
}

async fn framework(source: &Source, row: &FrameworkRow, out: &mut Writer) -> Result<(), End> {
    out.separate();
    head(row, source.live.framework(&row.key.framework), out);
    let group = |group| TaskFilter {
        tenant: Some(row.key.tenant.clone()),
        framework: Some(row.key.framework.clone()),
        group: Some(group),
        ..TaskFilter::default()
    };
    let is_unreachable = |state| state == TaskState::Unreachable;
    out.text(r#","tasks":["#);
    let active = group(TaskGroup::Active);
    let others = tasks::list(source, active.clone(), |state| !is_unreachable(state), out).await?;
    out.text(r#"],"unreachable_tasks":["#);
    if others {
        tasks::list(source, active, is_unreachable, out).await?;
    }
    out.text(r#"],"completed_tasks":["#);
    tasks::list(source, group(TaskGroup::Completed), |_| true, out).await?;
    out.text(r#"],"offers":["#);
    for held in source.live.offers(&row.key.framework) {
        out.item(&offer(held)).await?;
    }
    out.text(r#"],"executors":[],"offer_constraints":{}}"#);
    out.hand_on().await
}

/// Writes what is known of a framework itself; the object goes on with its lists.
fn head(row: &FrameworkRow, live: Option<&FrameworkView>, out: &mut Writer) {
    let nothing = Resources::new();
    let used = live.map_or(&nothing, |live| &live.used);
    let offered = live.map_or(&nothing, |live| &live.offered);
    let connected = live.is_some_and(|live| live.built_in || live.session.is_some());
    let unregistered_at = match row.state {
        FrameworkState::Removed { at } => at,
        FrameworkState::Subscribed | FrameworkState::Disconnected { .. } => Time::default(),
    };
    let info = &row.info;
    let multi_role = info.capabilities.multi_role;
    let again = row.reregistered_at > row.registered_at;
    out.open(&Framework {
        id: row.key.framework.as_str(),
        name: &info.name,
        used_resources: Flat(used),
        offered_resources: Flat(offered),
        capabilities: capabilities(info),
        hostname: &info.hostname,
        webui_url: &info.webui_url,
        active: connected,
        connected,
        recovered: false,
        user: &info.user,
        failover_timeout: info.failover_timeout.as_secs_f64(),
        checkpoint: info.checkpoint,
        registered_time: row.registered_at.as_secs_f64(),
        unregistered_time: unregistered_at.as_secs_f64(),
        principal: &info.principal,
        resources: Flat(&Resources::sum([used, offered])),
        reregistered_time: again.then(|| row.reregistered_at.as_secs_f64()),
        role: info
            .roles
            .first()
            .filter(|_| !multi_role)
            .map(String::as_str),
        roles: multi_role.then_some(&info.roles),
    });
}

/// All that the framework declared, also what nothing here depends on.
fn capabilities(info: &FrameworkInfo) -> Vec<&'static str> {
    let declared = decode_protobuf::<v1::FrameworkInfo>(&info.payload);
    let declared = declared.map(|declared| declared.capabilities);
    let names = declared.unwrap_or_default().into_iter();
    names.map(|it| it.r#type().as_str_name()).collect()
}

fn offer(held: &OfferView) -> Offer<'_> {
    Offer {
        id: held.id.to_string(),
        framework_id: held.framework.framework.as_str(),
        allocation_info: Role { role: &held.role },
        slave_id: held.agent.as_str(),
        resources: Flat(&held.resources),
    }
}
