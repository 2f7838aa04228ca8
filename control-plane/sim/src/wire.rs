//! What travels on a connection, and how it reads in a history.

use std::fmt;

use insula_kernel::Outcome;
use insula_kernel::input::Call;
use insula_types::framework::FrameworkInfo;
use insula_types::message::{Command, CommandBody, FromAgent, ToAgent, ToFramework};
use insula_types::request::TaskRequest;
use insula_types::resources::Millis;
use insula_types::{Epoch, FrameworkId, SessionId, Span, TaskId, TaskStatus};
use std::collections::BTreeMap;

/// One message. `number` is the client's own for a question, so that it knows the answer.
#[derive(Debug, Clone)]
pub(crate) enum Wire {
    /// An agent speaks in one of its sessions.
    Agent(SessionId, FromAgent),
    /// A framework opens its event stream.
    Subscribe(Box<Subscription>),
    /// A framework's call.
    Call { number: u64, call: Box<Call> },
    /// A question of a person.
    Ask { number: u64, question: Question },
    /// The control plane speaks to an agent.
    ToAgent {
        epoch: Epoch,
        session: SessionId,
        message: Box<ToAgent>,
    },
    /// An event for a framework.
    ToFramework {
        epoch: Epoch,
        message: Box<ToFramework>,
    },
    /// The answer to a call or question; the subscription's own has the number 0.
    Answer { number: u64, outcome: Outcome },
}

/// What a framework subscribes with.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) framework: Option<FrameworkId>,
    pub(crate) info: FrameworkInfo,
    pub(crate) suppressed: Vec<String>,
}

/// What a person asks of the control plane.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Submit(Vec<TaskRequest>),
    Withdraw(TaskId, Option<Span>),
    SetRole(String, Millis, BTreeMap<String, Millis>),
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(session, message) => {
                write!(f, "[{session}] ")?;
                from_agent(message, f)
            }
            Self::Subscribe(subscription) => match &subscription.framework {
                Some(id) => write!(f, "subscribe as {id}"),
                None => f.write_str("subscribe for the first time"),
            },
            Self::Call { number, call } => {
                write!(f, "call {number}: ")?;
                write_call(call, f)
            }
            Self::Ask { number, question } => {
                write!(f, "ask {number}: ")?;
                write_question(question, f)
            }
            Self::ToAgent {
                session, message, ..
            } => {
                write!(f, "[{session}] ")?;
                to_agent(message, f)
            }
            Self::ToFramework { message, .. } => to_framework(message, f),
            Self::Answer { number, outcome } => {
                write!(f, "answer {number}: ")?;
                match outcome {
                    Outcome::Refused(rejection) => write!(f, "refused: {rejection}"),
                    other => write!(f, "{other:?}"),
                }
            }
        }
    }
}

fn from_agent(message: &FromAgent, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match message {
        FromAgent::Register(registration) => {
            let mark = registration.watermark;
            write!(f, "register, watermark {}/{}", mark.epoch, mark.seq)?;
            for task in &registration.tasks {
                let waits = if task.pending.is_some() { "!" } else { "" };
                write!(f, ", {} {}{waits}", task.launch, task.state)?;
            }
            Ok(())
        }
        FromAgent::Update { launch, status, .. } => {
            write!(f, "update {launch} ")?;
            write_status(status, f)
        }
        FromAgent::Message { executor, .. } => write!(f, "message of executor {executor}"),
        FromAgent::Alive { watermark, .. } => write!(f, "alive, watermark {}", watermark.seq),
    }
}

fn to_agent(message: &ToAgent, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match message {
        ToAgent::Registered { .. } => f.write_str("registered"),
        ToAgent::Resync => f.write_str("resync"),
        ToAgent::ReportAll => f.write_str("report all"),
        ToAgent::Discard { launch } => write!(f, "discard {launch}"),
        ToAgent::Command(command) => write_command(command, f),
        ToAgent::Acknowledge { launch, uuid } => write!(f, "acknowledge {launch} {}", tail(uuid)),
        ToAgent::Disconnect { reason } => write!(f, "disconnect: {reason}"),
    }
}

fn write_command(command: &Command, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "command {}: ", command.seq)?;
    match &command.body {
        CommandBody::Launch(launch) => {
            write!(f, "launch {} {}", launch.launch, launch.task)
        }
        CommandBody::Kill { launch, .. } => write!(f, "kill {launch}"),
        CommandBody::AcknowledgeTerminal { launch, uuid } => {
            write!(f, "acknowledge the end of {launch} {}", tail(uuid))
        }
        CommandBody::Noop => f.write_str("no-op"),
    }
}

fn to_framework(message: &ToFramework, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match message {
        ToFramework::Subscribed { framework } => write!(f, "subscribed as {framework}"),
        ToFramework::Offers(offers) => {
            f.write_str("offers:")?;
            for offer in offers {
                write!(
                    f,
                    " {} of {} for {} ({})",
                    offer.id, offer.agent, offer.role, offer.resources
                )?;
            }
            Ok(())
        }
        ToFramework::Rescind(offer) => write!(f, "rescind {offer}"),
        ToFramework::Update(status) => {
            f.write_str("update ")?;
            write_status(status, f)
        }
        ToFramework::Message { executor, .. } => write!(f, "message of executor {executor}"),
        ToFramework::Failure { agent, .. } => write!(f, "failure of {agent}"),
        ToFramework::Mark(mark) => write!(f, "mark {mark}"),
        ToFramework::Error(sentence) => write!(f, "error: {sentence}"),
        ToFramework::Close => f.write_str("close"),
    }
}

fn write_status(status: &TaskStatus, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{} {}", status.task, status.state)?;
    if let Some(reason) = status.reason {
        write!(f, " {reason}")?;
    }
    if let Some(uuid) = &status.uuid {
        write!(f, " {}", tail(uuid))?;
    }
    Ok(())
}

fn write_call(call: &Call, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match call {
        Call::Accept {
            offers, launches, ..
        } => {
            f.write_str("accept")?;
            for offer in offers {
                write!(f, " {}", offer.text)?;
            }
            f.write_str(" for")?;
            for launch in launches {
                write!(f, " {} ({})", launch.task, launch.resources)?;
            }
            Ok(())
        }
        Call::Decline { offers, filters } => {
            write!(f, "decline {offers:?} for {}", filters.refuse)
        }
        Call::Kill { task, .. } => write!(f, "kill {task}"),
        Call::Acknowledge { task, uuid, .. } => write!(f, "acknowledge {task} {}", tail(uuid)),
        Call::Reconcile(tasks) => {
            f.write_str("reconcile")?;
            tasks.iter().try_for_each(|(task, _)| write!(f, " {task}"))
        }
        other => write!(f, "{other:?}"),
    }
}

fn write_question(question: &Question, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match question {
        Question::Submit(tasks) => {
            f.write_str("submit")?;
            for task in tasks {
                write!(f, " {} ({})", task.task, task.resources)?;
            }
            Ok(())
        }
        Question::Withdraw(task, _) => write!(f, "withdraw {task}"),
        Question::SetRole(role, weight, limit) => {
            write!(f, "set role {role}: weight {weight}, limit {limit:?}")
        }
    }
}

/// The last digits of a uuid: those that count up.
fn tail(uuid: &insula_types::UpdateUuid) -> String {
    let text = format!("{uuid:?}");
    text.get(text.len().saturating_sub(6)..)
        .unwrap_or("")
        .to_owned()
}
