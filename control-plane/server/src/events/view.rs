//! Events as the API shows them.

use insula_proto::rest;
use insula_types::event::EventKind;
use insula_types::{AgentId, FrameworkKey, LaunchId, TaskKey};

use crate::partition::Stamped;

/// Flattens an event.
pub(super) fn event(stamped: &Stamped) -> rest::Event {
    let event = &stamped.event;
    let common = rest::Event {
        at: event.at.0,
        commit: stamped.commit_no,
        trace_id: event.trace.trace_id_text(),
        ..rest::Event::default()
    };
    match &event.kind {
        EventKind::AgentRegistered { agent, again } => {
            let name = if *again {
                "agent_reregistered"
            } else {
                "agent_registered"
            };
            of_agent(common, name, agent)
        }
        EventKind::AgentDisconnected { agent } => of_agent(common, "agent_disconnected", agent),
        EventKind::AgentUnreachable { agent } => of_agent(common, "agent_unreachable", agent),
        EventKind::FrameworkSubscribed { framework, name } => rest::Event {
            message: name.clone(),
            ..of_framework(common, "framework_subscribed", framework)
        },
        EventKind::FrameworkDisconnected { framework } => {
            of_framework(common, "framework_disconnected", framework)
        }
        EventKind::FrameworkRemoved { framework } => {
            of_framework(common, "framework_removed", framework)
        }
        EventKind::OffersMade { framework, count } => rest::Event {
            message: offers(*count),
            ..of_framework(common, "offers_made", framework)
        },
        EventKind::OffersDeclined {
            framework,
            count,
            refuse,
        } => rest::Event {
            message: format!("{}, for {refuse}", offers(*count)),
            ..of_framework(common, "offers_declined", framework)
        },
        EventKind::OffersRescinded {
            framework,
            count,
            why,
        } => rest::Event {
            message: format!("{}: {why}", offers(*count)),
            because: Some(why.as_str().to_owned()),
            ..of_framework(common, "offers_rescinded", framework)
        },
        EventKind::CallRefused {
            framework,
            call,
            task,
            sentence,
        } => rest::Event {
            task: task.as_ref().map(ToString::to_string),
            message: format!("{call}: {sentence}"),
            because: Some((*call).to_owned()),
            ..of_framework(common, "call_refused", framework)
        },
        EventKind::RequestSubmitted { task } => of_task(common, "task_submitted", task),
        EventKind::RequestWithdrawn { task } => of_task(common, "task_withdrawn", task),
        EventKind::RequestRetried { task, left } => rest::Event {
            message: format!("{left} retries left"),
            ..of_task(common, "task_retried", task)
        },
        EventKind::RequestWaits { task, why } => rest::Event {
            message: why.to_string(),
            because: Some(why.as_str().to_owned()),
            ..of_task(common, "task_waits", task)
        },
        EventKind::TaskAcknowledged {
            task,
            launch,
            agent,
            state,
        } => rest::Event {
            state: Some(state.as_str().to_owned()),
            ..of_launch(common, "task_acknowledged", task, *launch, agent)
        },
        EventKind::KillAsked {
            task,
            launch,
            agent,
        } => of_launch(common, "task_kill_asked", task, *launch, agent),
        EventKind::TaskAccepted {
            task,
            launch,
            agent,
        } => of_launch(common, "task_launched", task, *launch, agent),
        EventKind::TaskUpdated {
            task,
            launch,
            agent,
            state,
            reason,
            message,
            exit: _,
        } => rest::Event {
            state: Some(state.as_str().to_owned()),
            reason: reason.map(|reason| reason.as_str().to_owned()),
            message: message.clone(),
            ..of_launch(common, "task_updated", task, *launch, agent)
        },
        EventKind::RoleChanged { role } => rest::Event {
            event: "role_changed".to_owned(),
            message: role.clone(),
            ..common
        },
        EventKind::Alarm { sentence } => rest::Event {
            event: "alarm".to_owned(),
            message: sentence.clone(),
            ..common
        },
    }
}

fn offers(count: usize) -> String {
    match count {
        1 => "1 offer".to_owned(),
        count => format!("{count} offers"),
    }
}

fn of_agent(common: rest::Event, name: &str, agent: &AgentId) -> rest::Event {
    rest::Event {
        event: name.to_owned(),
        agent: Some(agent.to_string()),
        ..common
    }
}

fn of_framework(common: rest::Event, name: &str, key: &FrameworkKey) -> rest::Event {
    rest::Event {
        event: name.to_owned(),
        framework: Some(key.framework.to_string()),
        ..common
    }
}

fn of_task(common: rest::Event, name: &str, task: &TaskKey) -> rest::Event {
    rest::Event {
        task: Some(task.task.to_string()),
        ..of_framework(common, name, &task.framework)
    }
}

fn of_launch(
    common: rest::Event,
    name: &str,
    task: &TaskKey,
    launch: LaunchId,
    agent: &AgentId,
) -> rest::Event {
    rest::Event {
        launch: Some(launch.to_string()),
        agent: Some(agent.to_string()),
        ..of_task(common, name, task)
    }
}
