//! Decisions explained as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::resources::Millis;
use crate::{AgentId, Span, TaskState};

/// One reason why something is as it is. `Display` gives the sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Why {
    /// There is no connected agent at all.
    NoAgents,
    /// No agent is large enough, however empty.
    NoAgentLargeEnough {
        /// The resource that is short.
        resource: String,
        /// How much is needed, in thousandths.
        needs: Millis,
        /// The most that any one agent has, in thousandths.
        largest: Millis,
    },
    /// Agents are large enough, but none has that much free now.
    NoAgentFreeEnough {
        /// The resource that is short.
        resource: String,
        /// How much is needed, in thousandths.
        needs: Millis,
        /// The most that any one agent has free, in thousandths.
        largest_free: Millis,
    },
    /// No agent has the attribute with the value asked for.
    NoAgentWithAttribute {
        /// The attribute.
        name: String,
        /// The value asked for.
        value: String,
    },
    /// No connected agent can run this kind of task.
    NoAgentForKind {
        /// `native` or `wasm`.
        kind: String,
        /// An agent's own sentence on why it cannot.
        because: Option<String>,
    },
    /// No single agent meets all conditions at once, although each is met by some.
    NoAgentMeetsAll,
    /// A quota limit is reached.
    QuotaLimit {
        /// Whose limit, as a full role path.
        role: String,
        /// The resource.
        resource: String,
        /// The limit, in thousandths.
        limit: Millis,
        /// What is used and offered already, in thousandths.
        consumed: Millis,
    },
    /// The framework declined this agent's resources for a while.
    Filtered {
        /// Whose resources.
        agent: AgentId,
        /// For how much longer.
        remaining: Span,
    },
    /// The framework asked for no offers in this role.
    Suppressed {
        /// The role.
        role: String,
    },
    /// The framework is not connected.
    FrameworkDisconnected,
    /// Resources that would fit are offered to others at the moment.
    OfferedToOthers {
        /// How many offers are out.
        offers: usize,
    },
    /// It waits its turn: others have a smaller share of the cell.
    OthersFirst,
    /// It waits for its agent to say that it started.
    WaitsForAgent {
        /// Where.
        agent: AgentId,
        /// Whether the agent is connected.
        connected: bool,
    },
    /// It will be started again.
    WillRetry {
        /// The state the last start ended in.
        after: TaskState,
        /// How many retries are left.
        left: u32,
    },
    /// It is in this state, with the status' own message.
    State {
        /// The state.
        state: TaskState,
        /// The message; may be empty.
        message: String,
    },
    /// Nothing stands in the way: the next allocation will serve it.
    Imminent,
}

impl Why {
    /// The word for its kind: that of its `reason` in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoAgents => "no_agents",
            Self::NoAgentLargeEnough { .. } => "no_agent_large_enough",
            Self::NoAgentFreeEnough { .. } => "no_agent_free_enough",
            Self::NoAgentWithAttribute { .. } => "no_agent_with_attribute",
            Self::NoAgentForKind { .. } => "no_agent_for_kind",
            Self::NoAgentMeetsAll => "no_agent_meets_all",
            Self::QuotaLimit { .. } => "quota_limit",
            Self::Filtered { .. } => "filtered",
            Self::Suppressed { .. } => "suppressed",
            Self::FrameworkDisconnected => "framework_disconnected",
            Self::OfferedToOthers { .. } => "offered_to_others",
            Self::OthersFirst => "others_first",
            Self::WaitsForAgent { .. } => "waits_for_agent",
            Self::WillRetry { .. } => "will_retry",
            Self::State { .. } => "state",
            Self::Imminent => "imminent",
        }
    }
}

struct Amount(Millis);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::resources::write_millis(f, self.0)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAgents => f.write_str("no agent is connected"),
            Self::NoAgentLargeEnough {
                resource,
                needs,
                largest,
            } => write!(
                f,
                "no agent is large enough: needs {} {resource}, the largest has {}",
                Amount(*needs),
                Amount(*largest)
            ),
            Self::NoAgentFreeEnough {
                resource,
                needs,
                largest_free,
            } => write!(
                f,
                "no agent fits now: needs {} {resource}, largest free {}",
                Amount(*needs),
                Amount(*largest_free)
            ),
            Self::NoAgentWithAttribute { name, value } => {
                write!(f, "no connected agent has the attribute {name}={value}")
            }
            Self::NoAgentForKind {
                kind,
                because: None,
            } => {
                write!(f, "no connected agent runs {kind} tasks")
            }
            Self::NoAgentForKind {
                kind,
                because: Some(because),
            } => {
                write!(f, "no connected agent runs {kind} tasks: {because}")
            }
            Self::NoAgentMeetsAll => f.write_str(
                "no single agent meets all conditions at once, although each is met by some agent",
            ),
            Self::QuotaLimit {
                role,
                resource,
                limit,
                consumed,
            } => write!(
                f,
                "quota limit of {role} reached: {resource} {} of {}",
                Amount(*consumed),
                Amount(*limit)
            ),
            Self::Filtered { agent, remaining } => {
                write!(
                    f,
                    "no offer of agent {agent}: declined, filtered for another {remaining}"
                )
            }
            Self::Suppressed { role } => {
                write!(f, "no offers: the framework suppressed the role {role}")
            }
            Self::FrameworkDisconnected => f.write_str("no offers: the framework is not connected"),
            Self::OfferedToOthers { offers } => write!(
                f,
                "resources that fit are offered to other frameworks now ({offers} offers out)"
            ),
            Self::OthersFirst => f.write_str("others with a smaller share of the cell come first"),
            Self::WaitsForAgent {
                agent,
                connected: true,
            } => {
                write!(
                    f,
                    "sent to agent {agent}, which has not yet said that it started"
                )
            }
            Self::WaitsForAgent {
                agent,
                connected: false,
            } => {
                write!(f, "waits for agent {agent}, which is not connected")
            }
            Self::WillRetry { after, left } => {
                write!(
                    f,
                    "will be started again after {after}; {left} retries left"
                )
            }
            Self::State { state, message } if message.is_empty() => write!(f, "it is {state}"),
            Self::State { state, message } => write!(f, "it is {state}: {message}"),
            Self::Imminent => {
                f.write_str("nothing stands in the way; the next allocation serves it")
            }
        }
    }
}
