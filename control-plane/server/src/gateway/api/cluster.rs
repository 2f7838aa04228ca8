//! Agents, frameworks, offers and the version.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use insula_kernel::view::{AgentView, FrameworkView, OfferView};
use insula_proto::rest::{Agent, Framework, Offer, Page, Version};
use insula_store::PAGE_ROWS_MAX;
use insula_types::framework::BUILT_IN;
use insula_types::ids::NotOurs;
use insula_types::record::{AgentRow, AgentState, FrameworkRow, FrameworkState};
use insula_types::{AgentId, FORMAT_VERSION, FrameworkId, FrameworkKey, OfferId};
use serde::Deserialize;

use super::ApiError;
use super::body::Parameters;
use crate::auth::TenantContext;
use crate::service::Service;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CursorQuery {
    cursor: Option<String>,
}

pub(super) async fn agents(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Parameters(query): Parameters<CursorQuery>,
) -> Result<Json<Page<Agent>>, ApiError> {
    let after = query.cursor.map(AgentId::from);
    let page = service
        .store
        .agents(context.cell.cell(), after.as_ref(), PAGE_ROWS_MAX)
        .await?;
    // Only those of the page: the scheduler is held up meanwhile.
    let ids: Vec<AgentId> = page.rows.iter().map(|row| row.agent.clone()).collect();
    let live = context.cell.query(move |kernel| {
        let views = ids.iter().filter_map(|id| kernel.agent_view_of(id));
        views
            .map(|view| (view.agent.clone(), view))
            .collect::<BTreeMap<_, _>>()
    });
    let live = live.await?;
    let next = if page.more {
        page.rows.last().map(|row| row.agent.to_string())
    } else {
        None
    };
    let items = page
        .rows
        .iter()
        .map(|row| agent(row, live.get(&row.agent)))
        .collect();
    Ok(Json(Page { items, next }))
}

fn agent(row: &AgentRow, live: Option<&AgentView>) -> Agent {
    let connected = live.is_some_and(|live| live.connected);
    let state = match row.state {
        AgentState::Unreachable { .. } => "unreachable",
        AgentState::Registered if connected => "connected",
        AgentState::Registered => "disconnected",
    };
    let amount = |of: fn(&AgentView) -> &insula_types::Resources| {
        live.map(|live| of(live).to_string()).unwrap_or_default()
    };
    let capabilities = &row.info.capabilities;
    let limits = capabilities.limits.iter();
    Agent {
        id: row.agent.to_string(),
        hostname: row.info.hostname.clone(),
        state: state.to_owned(),
        total: row.info.resources.to_string(),
        used: amount(|live| &live.used),
        offered: amount(|live| &live.offered),
        free: amount(|live| &live.free),
        excess: amount(|live| &live.excess),
        held: live.and_then(|live| live.held.clone()),
        attributes: row.info.attributes.clone(),
        wasm: capabilities.wasm,
        wasm_missing: capabilities.wasm_missing.clone(),
        unenforced: limits
            .filter_map(|(name, limit)| Some((name.clone(), limit.missing.clone()?)))
            .collect(),
        tasks: live.map_or(0, |live| live.tasks),
        version: row.info.version.clone(),
        registered_at: row.registered_at.0,
    }
}

pub(super) async fn frameworks(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Parameters(query): Parameters<CursorQuery>,
) -> Result<Json<Page<Framework>>, ApiError> {
    let key = |framework| FrameworkKey {
        tenant: context.tenant.clone(),
        framework,
    };
    let after = query.cursor.map(|text| key(FrameworkId::from(text)));
    let page = service
        .store
        .frameworks(
            context.cell.cell(),
            Some(&context.tenant),
            after.as_ref(),
            PAGE_ROWS_MAX,
        )
        .await?;
    let tenant = context.tenant.clone();
    let live = context.cell.query(move |kernel| {
        let views = kernel
            .frameworks_view()
            .filter(|view| view.framework.tenant == tenant);
        let with_why = |view: FrameworkView| {
            let why = kernel.why_framework(&view.framework).unwrap_or_default();
            let why: Vec<String> = why.iter().map(ToString::to_string).collect();
            (view.framework.clone(), (view, why))
        };
        views.map(with_why).collect::<BTreeMap<_, _>>()
    });
    let live = live.await?;
    let next = if page.more {
        page.rows.last().map(|row| row.key.framework.to_string())
    } else {
        None
    };
    let mut items = Vec::new();
    if after.is_none() {
        let built_in = live.get(&key(FrameworkId::from(BUILT_IN)));
        items.extend(built_in.map(|(view, why)| self::built_in(view, why)));
    }
    let kept = page
        .rows
        .iter()
        .filter(|row| !matches!(row.state, FrameworkState::Removed { .. }));
    items.extend(kept.map(|row| framework(row, live.get(&row.key))));
    Ok(Json(Page { items, next }))
}

/// The tenant's own framework has no row: it is always there.
fn built_in(view: &FrameworkView, why: &[String]) -> Framework {
    Framework {
        id: BUILT_IN.to_owned(),
        name: BUILT_IN.to_owned(),
        state: "built in".to_owned(),
        user: String::new(),
        roles: vec!["*".to_owned()],
        suppressed: Vec::new(),
        used: view.used.to_string(),
        offered: view.offered.to_string(),
        tasks: view.tasks,
        waiting: view.waiting,
        registered_at: 0,
        why: why.to_vec(),
    }
}

fn framework(row: &FrameworkRow, live: Option<&(FrameworkView, Vec<String>)>) -> Framework {
    let view = live.map(|(view, _)| view);
    let connected = view.is_some_and(|view| view.session.is_some());
    let state = if connected {
        "connected"
    } else {
        "disconnected"
    };
    Framework {
        id: row.key.framework.to_string(),
        name: row.info.name.clone(),
        state: state.to_owned(),
        user: row.info.user.clone(),
        roles: row.info.roles.clone(),
        suppressed: row.suppressed.clone(),
        used: view.map(|view| view.used.to_string()).unwrap_or_default(),
        offered: view
            .map(|view| view.offered.to_string())
            .unwrap_or_default(),
        tasks: view.map_or(0, |view| view.tasks),
        waiting: 0,
        registered_at: row.registered_at.0,
        why: live.map(|(_, why)| why.clone()).unwrap_or_default(),
    }
}

pub(super) async fn offers(
    context: TenantContext,
    Parameters(query): Parameters<CursorQuery>,
) -> Result<Json<Page<Offer>>, ApiError> {
    let after: Option<OfferId> = query
        .cursor
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error: NotOurs| {
            ApiError::invalid(format!("the cursor is not understood: {error}"))
        })?;
    let tenant = context.tenant;
    let offers = context.cell.query(move |kernel| {
        let of_tenant = kernel.offers().filter(|offer| {
            offer.framework.tenant == tenant && after.is_none_or(|after| offer.id > after)
        });
        of_tenant.collect::<Vec<_>>()
    });
    let mut offers = offers.await?;
    offers.sort_unstable_by_key(|offer| offer.id);
    let is_cut = offers.len() > PAGE_ROWS_MAX;
    offers.truncate(PAGE_ROWS_MAX);
    let next = offers.last().filter(|_| is_cut);
    Ok(Json(Page {
        next: next.map(|offer| offer.id.to_string()),
        items: offers.into_iter().map(offer).collect(),
    }))
}

fn offer(offer: OfferView) -> Offer {
    Offer {
        id: offer.id.to_string(),
        framework: offer.framework.framework.to_string(),
        role: offer.role,
        agent: offer.agent.to_string(),
        resources: offer.resources.to_string(),
        made_at: offer.made_at.0,
        expires_at: offer.expires_at.0,
    }
}

pub(super) async fn version(_: TenantContext) -> Json<Version> {
    Json(Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mesos: crate::gateway::MESOS_VERSION.to_owned(),
        format: FORMAT_VERSION,
    })
}
